"""[io] Listening sockets, bound once by a supervisor and inherited, so that datagrams wait while a process is replaced.

The conventions are systemd's. sd_listen_fds(3): LISTEN_FDS counts the descriptors from 3 on, LISTEN_FDNAMES names them,
LISTEN_PID, where it is set, must be ours. What a process says of itself: storage/notify.py.
"""

from __future__ import annotations

import errno
import os
import random
import resource
import socket
from collections.abc import Mapping
from ipaddress import ip_address

from ivr.sip.listener import Listener

FIRST_FD = 3
OURS = range(11000, 20000)
"""Ports of hotlines that live for a while: browsers open all of them, and on Linux the kernel gives none away by itself
(net.ipv4.ip_local_port_range), so that no program comes by one between the look at it and its use."""


class PortTaken(Exception):
    """Another program listens there; the text names the address and the setting that moves ours."""


def bind(kind: socket.SocketKind, host: str, port: int, setting: str) -> socket.socket:
    """A bound (and for TCP listening) socket. `setting` names the key that changes the port; raises PortTaken with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has listeners of its own
        if kind is socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            # A burst of calls must fit while the engine is busy or being replaced.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((host, port))
        if kind is socket.SOCK_STREAM:
            sock.listen(512)
    except OSError as error:
        sock.close()
        protocol = "TCP" if kind is socket.SOCK_STREAM else "UDP"
        raise PortTaken(
            f"{protocol} {host}:{port} cannot be used ({error.strerror}); choose another port: {setting}"
        ) from error
    return sock


def free_port(kind: socket.SocketKind, host: str) -> int:
    """A port of OURS that nobody uses now, for a hotline that is about to be started. `host`: an IPv4 address of this machine.
    Raises OSError."""
    while True:
        port = random.choice(OURS)
        try:
            with socket.socket(socket.AF_INET, kind) as sock:
                sock.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port


def mark(sock: socket.socket, dscp: int) -> None:
    """Set the DSCP of what this socket sends (RFC 2474, RFC 4594)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)


def bind_listener(listener: Listener) -> socket.socket:
    """The socket of a SIP listener. Raises PortTaken."""
    kind = socket.SOCK_STREAM if listener.reliable else socket.SOCK_DGRAM
    setting = f"port of the listener {listener.name}" if listener.name else "HOTLINE_SIP_PORT (make run SIP_PORT=…)"
    return bind(kind, listener.host, listener.port, setting)


def allow_descriptors() -> None:
    """Take as many descriptors as this process may have: each connection is one, and the usual limit is a low one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def socket_name(listener: Listener) -> str:
    """What its descriptor is called when it is inherited: sip, and sip-NAME for the further ones."""
    return f"sip-{listener.name}" if listener.name else "sip"


def inherited(name: str, environ: Mapping[str, str] = os.environ) -> int | None:
    """The descriptor that the supervisor passed under this name, or None."""
    pid = environ.get("LISTEN_PID")
    if pid is not None and pid != str(os.getpid()):
        return None
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    count = int(environ.get("LISTEN_FDS", "0"))
    return FIRST_FD + names.index(name) if name in names[:count] else None


def is_loopback(descriptor: int) -> bool:
    """Whether this listening socket is reached from this machine alone; one of a file's path is."""
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        name = sock.getsockname()
    return not isinstance(name, tuple) or ip_address(name[0]).is_loopback
