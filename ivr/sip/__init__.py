"""A SIP user agent without I/O: start reading at agent.py; only transport.py touches a socket."""
