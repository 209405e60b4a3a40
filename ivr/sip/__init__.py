"""A SIP user agent without I/O on the `sipmessage` parser: start reading at agent.py; only transport.py touches a socket."""
