"""What the network around this machine is like, and what time it is there."""
