"""TCP connections, bare and with frames, and the name system."""
