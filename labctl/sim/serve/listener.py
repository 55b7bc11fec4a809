"""Listening ports: one thread accepts for all, one thread serves each connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from labctl.sim.serve.connection import Connection

MOST_CONNECTIONS = 64
"""Connections to one port; a further client replaces the one that was silent for longest."""
_BACKLOG = 128
_RETRY = 0.05
"""Pause after the system had no file descriptor left for a new connection, s."""
_END = 5.0
"""How long a thread may take to end, s."""

Talk = Callable[[Connection], None]
"""Serves one connection until it ends."""


@dataclass
class _Port:
    name: str
    sock: socket.socket
    talk: Talk
    open: dict[Connection, threading.Thread] = field(default_factory=dict)


class Listener:
    """Ports that are listened on, and the connections to them."""

    def __init__(self) -> None:
        self._ports: list[_Port] = []
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, None)
        self._lock = threading.Lock()
        self._stopping = False
        self._numbers = 0
        self._thread = threading.Thread(target=self._accept_all, name="labsim accept", daemon=True)

    def add(self, name: str, address: str, port: int, talk: Talk) -> int:
        """Listen on a port (0: any free one) and return its number.

        Raises
        ------
        OSError
            Where the address is not this computer's, or the port is taken.
        """
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        sock = socket.create_server((address, port), family=family, backlog=_BACKLOG)
        sock.setblocking(False)
        entry = _Port(name, sock, talk)
        self._ports.append(entry)
        self._selector.register(sock, selectors.EVENT_READ, entry)
        return int(sock.getsockname()[1])

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    @property
    def connections(self) -> int:
        """Number of connections that are served now."""
        with self._lock:
            return sum(len(port.open) for port in self._ports)

    def stop(self) -> None:
        """Close all ports and connections and wait for their threads."""
        with self._lock:
            if self._stopping:
                return
            self._stopping = True
        self._wake.send(b"x")
        if self._thread.is_alive():
            self._thread.join(_END)
        for port in self._ports:
            port.sock.close()
        with self._lock:
            left = [item for port in self._ports for item in port.open.items()]
        for connection, _ in left:
            connection.close()
        for _, thread in left:
            thread.join(_END)
        self._selector.close()
        self._wake.close()
        self._woken.close()

    def _accept_all(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.data is not None and not self._stopping:
                    self._accept(key.data)

    def _accept(self, port: _Port) -> None:
        try:
            sock, peer = port.sock.accept()
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no file descriptor left: let others end first
            threading.Event().wait(_RETRY)
            return
        sock.setblocking(True)
        connection = Connection(sock, f"{peer[0]}:{peer[1]}")
        self._numbers += 1
        thread = threading.Thread(
            target=self._serve, args=(port, connection),
            name=f"labsim {port.name} {self._numbers}", daemon=True,
        )  # fmt: skip
        with self._lock:
            served = [each for each in port.open if not each.closed]
            if len(served) >= MOST_CONNECTIONS:
                min(served, key=lambda each: each.last).close()
            port.open[connection] = thread
        thread.start()

    def _serve(self, port: _Port, connection: Connection) -> None:
        try:
            with contextlib.suppress(OSError):  # gone, or cut off: nobody to tell
                port.talk(connection)
        finally:
            connection.release()
            with self._lock:
                port.open.pop(connection, None)
