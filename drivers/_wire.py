"""How bytes get to an instrument and back: pyvisa, a bare socket, or pymeasure's test adapter.

Three kinds with the same methods. What pymeasure and pyvisa do around each message costs more than
the message itself, so :class:`drivers._line.Line` calls these.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import Any, Protocol

from pymeasure.adapters import VISAAdapter
from pyvisa.constants import InterfaceType, ResourceAttribute, StatusCode

CHUNK = 1 << 16
"""Bytes asked for at once."""
LINE_FEED = b"\n"


class Wire(Protocol):
    """Bytes to one instrument and back; every method may raise what its library raises."""

    has_clear: bool
    """Whether the transport has a device clear."""
    timeout: float
    """How long a read waits, s; may be set."""

    def write(self, message: str) -> object:
        """Send a message; the line feed is added."""
        ...

    def line(self) -> bytes:
        """Return the next answer, up to its line feed."""
        ...

    def exactly(self, count: int) -> bytes:
        """Return so many bytes, line feeds among them."""
        ...

    def clear(self) -> None:
        """Give a device clear, or forget what has arrived where the transport has none."""
        ...


def wire_of(adapter: Any) -> Wire:
    """Return the fastest way to the instrument behind a pymeasure adapter."""
    if not isinstance(adapter, VISAAdapter) or adapter.log.isEnabledFor(logging.DEBUG):
        return AdapterWire(adapter)
    if (plain := plain_socket(adapter)) is not None:
        return SocketWire(plain, adapter.connection.timeout / 1000)
    return VisaWire(adapter.connection)


def plain_socket(adapter: VISAAdapter) -> socket.socket | None:
    """Return the TCP socket of a raw-socket resource of pyvisa-py, set to send at once.

    pyvisa-py leaves Nagle's algorithm on, which makes a write after a write wait 40 ms, and its
    setter of the VISA attribute does not reach the socket.
    """
    sessions = getattr(adapter.connection.visalib, "sessions", None)
    if sessions is None or adapter.connection.resource_class != "SOCKET":
        return None
    found = getattr(sessions.get(adapter.connection.session), "interface", None)
    if not isinstance(found, socket.socket):
        return None
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


class VisaWire:
    """A VISA session, by the functions of its library."""

    def __init__(self, connection: Any) -> None:
        self._connection, self._session = connection, connection.session
        self._library = connection.visalib
        self._write = self._library.write
        # Bytes are counted here, so that a count reached is nothing to be warned of.
        self._unwarned = contextlib.ExitStack()
        self._unwarned.enter_context(
            self._library.ignore_warning(self._session, StatusCode.success_max_count_read)
        )
        self.has_clear = (
            connection.resource_class != "SOCKET"
            and connection.interface_type != InterfaceType.asrl
        )

    @property
    def timeout(self) -> float:
        return float(self._connection.timeout) / 1000

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._connection.timeout = round(seconds * 1000)

    def write(self, message: str) -> object:
        return self._write(self._session, message.encode("ascii") + LINE_FEED)

    def line(self) -> bytes:
        data, status = self._read(CHUNK)
        if status != StatusCode.success_max_count_read:
            return bytes(data)
        parts = [data]
        while status == StatusCode.success_max_count_read:
            data, status = self._read(CHUNK)
            parts.append(data)
        return b"".join(parts)

    def exactly(self, count: int) -> bytes:
        library, session = self._library, self._session
        enabled = ResourceAttribute.termchar_enabled
        # Every line feed among the bytes would end a read, and there are many.
        library.set_attribute(session, enabled, False)
        try:
            parts, missing = [], count
            # A count reached is nothing to be warned of, even after pyvisa itself has read.
            with library.ignore_warning(session, StatusCode.success_max_count_read):
                while missing > 0:
                    data, _ = self._read(min(missing, CHUNK))
                    if not data:
                        raise ConnectionError(f"the answer ended {missing} bytes early")
                    parts.append(bytes(data))
                    missing -= len(data)
        finally:
            library.set_attribute(session, enabled, True)
        return b"".join(parts)

    def _read(self, count: int) -> tuple[bytes, Any]:
        try:
            found: tuple[bytes, Any] = self._library.read(self._session, count)
            return found
        except RuntimeError as error:
            if type(error) is not RuntimeError:
                raise
            # So says pyvisa-py's HiSLIP that the connection has ended.
            raise ConnectionResetError(str(error)) from error

    def clear(self) -> None:
        if not self.has_clear:
            with contextlib.suppress(NotImplementedError):  # nothing is buffered there, then
                self._connection.clear()
            return
        try:
            self._connection.clear()
        except RuntimeError as error:
            # pyvisa-py's HiSLIP stumbles over a late answer that the clear overtakes; it drops
            # it, and what follows, by their numbers. Anything else is a broken connection.
            if "expected message type" not in str(error):
                raise ConnectionResetError(str(error)) from error


class SocketWire:
    """A TCP socket, without what a VISA library does around it."""

    has_clear = False

    def __init__(self, plain: socket.socket, timeout: float) -> None:
        self._socket = plain
        self._buffer = bytearray()
        self.timeout = timeout

    @property
    def timeout(self) -> float:
        return self._socket.gettimeout() or 0.0

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def write(self, message: str) -> None:
        self._socket.sendall(message.encode("ascii") + LINE_FEED)

    def line(self) -> bytes:
        buffer = self._buffer
        end = buffer.find(LINE_FEED)
        while end < 0:
            start = len(buffer)
            self._receive()
            end = buffer.find(LINE_FEED, start)
        found = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        return found

    def exactly(self, count: int) -> bytes:
        buffer = self._buffer
        while len(buffer) < count:
            self._receive()
        found = bytes(buffer[:count])
        del buffer[:count]
        return found

    def clear(self) -> None:
        self._buffer.clear()
        wait = self.timeout
        self._socket.settimeout(0.0)
        try:
            while self._socket.recv(CHUNK):
                pass
        except BlockingIOError:
            return  # nothing more has arrived
        finally:
            self._socket.settimeout(wait)
        raise ConnectionResetError("the instrument has closed the connection")

    def _receive(self) -> None:
        data = self._socket.recv(CHUNK)
        if not data:
            raise ConnectionResetError("the instrument has closed the connection")
        self._buffer += data


class AdapterWire:
    """A pymeasure adapter: where somebody has messages logged, or tests exact strings."""

    has_clear = True

    def __init__(self, adapter: Any) -> None:
        self._adapter = adapter
        self.write = adapter.write
        visa = isinstance(adapter, VISAAdapter)
        self._visa = VisaWire(adapter.connection) if visa else None
        if self._visa is not None:
            self.has_clear = self._visa.has_clear
        self._timeout = 0.0

    @property
    def timeout(self) -> float:
        return self._visa.timeout if self._visa is not None else self._timeout

    @timeout.setter
    def timeout(self, seconds: float) -> None:
        if self._visa is not None:
            self._visa.timeout = seconds
        self._timeout = seconds

    def line(self) -> bytes:
        return str(self._adapter.read()).encode("utf-8", "surrogateescape")

    def exactly(self, count: int) -> bytes:
        return bytes(self._adapter.read_bytes(count))

    def clear(self) -> None:
        if self._visa is not None:
            self._visa.clear()
        else:
            self._adapter.connection.clear()
