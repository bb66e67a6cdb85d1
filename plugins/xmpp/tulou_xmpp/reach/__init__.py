"""How the server is reached: where it is, by which way, and what carries the session's frames."""
