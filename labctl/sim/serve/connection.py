"""One TCP connection of a client, with bounded memory and bounded patience."""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
import time

CHUNK = 1 << 16
PATIENCE = 30.0
"""How long a client may leave an answer unread in full buffers, s; then it is cut off."""
_MOMENT = 0.5
"""What a client is given where nothing waits for it, s."""


class Connection:
    """A connected socket: read by one thread, written by any.

    Attributes
    ----------
    peer
        Who is at the other end.
    last
        When something last arrived (monotonic clock, s).
    """

    def __init__(self, sock: socket.socket, peer: str) -> None:
        self._sock, self.peer = sock, peer
        self.last = time.monotonic()
        self._buffer = bytearray()
        self._ended = False
        self._writing = threading.Lock()
        self.closed = False
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if sys.platform != "win32":
                patience = struct.pack("ll", int(PATIENCE), 0)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)

    def expect(self, seconds: float | None) -> None:
        """Let whoever reads wait at most so long for the next byte; None: for ever."""
        self._sock.settimeout(seconds)

    def some(self) -> bytes:
        """Return what has arrived, at least a byte; nothing where the client has finished."""
        if self._buffer:
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        return self._receive()

    def exactly(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises
        ------
        ConnectionError
            Where the client ends the connection before.
        """
        buffer = self._buffer
        while len(buffer) < count:
            data = self._receive()
            if not data:
                raise ConnectionResetError(f"{self.peer} has gone in the middle of a message")
            buffer += data
        found = bytes(buffer[:count])
        del buffer[:count]
        return found

    def skip(self, count: int) -> None:
        """Read ``count`` bytes and forget them, a chunk at a time."""
        while count > 0:
            count -= len(self.exactly(min(count, CHUNK)))

    def waiting(self, count: int) -> bytes:
        """Return up to ``count`` bytes that have arrived and are not read yet; never wait."""
        if len(self._buffer) < count and hasattr(socket, "MSG_DONTWAIT"):
            with contextlib.suppress(OSError):
                data = self._sock.recv(CHUNK, socket.MSG_DONTWAIT)
                self._ended = self._ended or not data
                self._buffer += data
        return bytes(self._buffer[:count])

    def pending(self) -> bool:
        """Tell, from any thread, whether bytes have arrived that nobody has read yet."""
        if not hasattr(socket, "MSG_DONTWAIT"):
            return False
        try:
            return bool(self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except OSError:
            return False

    def send(self, data: bytes) -> None:
        """Send bytes whole.

        Raises
        ------
        OSError
            Where the client is gone, or has not read for :data:`PATIENCE`.
        """
        with self._writing:
            if self.closed:
                raise ConnectionResetError(f"{self.peer} is gone")
            try:
                self._sock.sendall(data)
            except OSError:
                self.close()
                raise

    def try_send(self, data: bytes) -> None:
        """Send a few bytes if the client takes them at once; one who does not is cut off."""
        if not hasattr(socket, "MSG_DONTWAIT"):
            self.send(data)
            return
        whole = False
        if self._writing.acquire(timeout=_MOMENT):
            try:
                whole = self._sock.send(data, socket.MSG_DONTWAIT) == len(data)
            except OSError:
                whole = False
            finally:
                self._writing.release()
        if not whole:
            self.close()

    def part(self) -> None:
        """Finish sending, so that the last words arrive, before the connection is closed."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            end = time.monotonic() + _MOMENT
            while (rest := end - time.monotonic()) > 0.0:
                self._sock.settimeout(rest)
                if not self._sock.recv(CHUNK):
                    break

    def close(self) -> None:
        """End the connection; whoever reads or writes it in another thread returns."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the socket back to the system; the thread that reads it calls this at its end."""
        self.close()
        self._sock.close()

    def _receive(self) -> bytes:
        if self._ended:
            return b""
        data = self._sock.recv(CHUNK)
        self.last = time.monotonic()
        return data
