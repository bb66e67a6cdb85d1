"""The built-in links of the chain, one concern a file."""
