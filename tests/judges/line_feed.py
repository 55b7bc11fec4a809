"""A pytest plug-in: raw sockets have no END, so what reads from one must know the line feed.

pymeasure's device tests take an address only, and its 2400 leaves the terminator to VISA. On a
real socket of a real instrument they would time out at the first answer; a laboratory sets the
terminator in the configuration of its VISA, which pyvisa-py does not have.
"""

from __future__ import annotations

import socket
from typing import Any

import pyvisa

_open = pyvisa.ResourceManager.open_resource


def open_resource(manager: Any, name: str, *given: Any, **options: Any) -> Any:
    """Open a resource; a raw socket gets its terminator, and no delay between small packets."""
    raw = name.upper().endswith("::SOCKET")
    if raw:
        options.setdefault("read_termination", "\n")
        options.setdefault("write_termination", "\n")
    opened = _open(manager, name, *given, **options)
    if raw and hasattr(manager.visalib, "sessions"):
        interface = manager.visalib.sessions[opened.session].interface
        interface.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened


setattr(pyvisa.ResourceManager, "open_resource", open_resource)  # noqa: B010 - by name for mypy
