"""What the server answers to iq requests, one specification a module."""
