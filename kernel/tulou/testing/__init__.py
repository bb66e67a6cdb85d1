"""The test kit: boot a kernel with chosen plugins and fakes, on trio's virtual clock."""
