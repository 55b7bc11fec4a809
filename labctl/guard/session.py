"""A second session on one instrument: sends the messages that make it safe, and no others.

Imports nothing but pyvisa and the standard library.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import Any

import pyvisa
from pyvisa.constants import StatusCode

_MOST = 200
"""Bytes of an answer that are looked at."""


class UnconfirmedError(Exception):
    """The messages were sent, but the instrument does not say that it has done them."""


class Session:
    """A connection of its own to one instrument.

    Nobody else uses it, and it needs nothing of the session that a driver has: neither its lock
    nor an answer that is on its way there.

    Parameters
    ----------
    visa
        The VISA library, as pyvisa takes it.
    address
        VISA resource name.
    confirm
        Query that is answered once everything sent before it is done; empty where the instrument
        has none.
    timeout
        s to wait for that answer, and for the connection.
    """

    def __init__(self, visa: str, address: str, confirm: str, timeout: float) -> None:
        self._visa, self._address, self._confirm = visa, address, confirm
        self._timeout = timeout
        self._resource: Any = None
        self._held = False
        self._mute = False

    @property
    def has_device_clear(self) -> bool:
        """Whether the transport can break off what runs; a raw socket and a serial line cannot."""
        name = self._address.upper()
        return name.endswith("INSTR") and not name.startswith("ASRL")

    def open(self) -> None:
        """Connect; does nothing where that is done."""
        if self._resource is not None:
            return
        milliseconds = round(1000 * self._timeout)
        resource = pyvisa.ResourceManager(self._visa).open_resource(
            self._address,
            open_timeout=milliseconds,
            timeout=milliseconds,
            read_termination="\n",
            write_termination="\n",
        )
        try:
            _look_at_socket(resource)
        except BaseException:
            resource.close()
            raise
        self._resource = resource

    def hold(self) -> None:
        """Connect, have the instrument answer once as a proof that it takes a second session.

        Raises
        ------
        Exception
            Whatever the VISA library raises; there is no connection then.
        """
        self.open()
        try:
            self._ask()
        except BaseException:
            self.close()
            raise
        self._held = True

    def break_off(self, messages: Sequence[str]) -> None:
        """End what runs: by device clear, or by these messages where the transport has none."""
        self._try_twice([] if self.has_device_clear else messages, clear=self.has_device_clear)

    def do(self, messages: Sequence[str]) -> None:
        """Send messages and wait until the instrument has done them.

        Raises
        ------
        UnconfirmedError
            Where it does not say so in time. Later messages are sent without waiting.
        Exception
            Whatever the VISA library raises.
        """
        self._try_twice(messages)

    def close(self) -> None:
        """Close the connection; no message is sent."""
        resource, self._resource = self._resource, None
        if resource is not None:
            with contextlib.suppress(Exception):  # it is given up, whatever state it is in
                resource.close()

    def _try_twice(self, messages: Sequence[str], clear: bool = False) -> None:
        """Send messages; once more on a new connection where one held for long has broken."""
        try:
            self.open()
            _look_at_socket(self._resource)
            self._send(messages, clear)
        except UnconfirmedError:
            raise
        except Exception:
            self.close()  # what is tried next begins with a connection that may be a better one
            if not self._held:
                raise
            self._held = False
            self.open()
            self._send(messages, clear)

    def _send(self, messages: Sequence[str], clear: bool) -> None:
        if clear:
            self._resource.clear()
        for message in messages:
            self._resource.write(message)
        if messages:
            self._ask()

    def _ask(self) -> None:
        """Wait for the answer to the confirming query."""
        if not self._confirm:
            return
        if self._mute:
            raise UnconfirmedError("sent, but the instrument has stopped answering")
        try:
            self._resource.write(self._confirm)
            answer = self._read()
        except (TimeoutError, pyvisa.VisaIOError) as error:
            if getattr(error, "error_code", StatusCode.error_timeout) != StatusCode.error_timeout:
                raise
            self._mute = True
            text = f"sent, but the instrument does not answer {self._confirm}"
            raise UnconfirmedError(text) from error
        if self._confirm == "*OPC?" and not _is_one(answer):
            raise UnconfirmedError(f"sent, but *OPC? was answered with {answer[:40]!r}")

    def _read(self) -> bytes:
        """Return one line; what comes without a line feed is read as far as it goes."""
        answer: bytes = self._resource.read_raw(_MOST)
        return answer.strip()


def _is_one(answer: bytes) -> bool:
    try:
        return float(answer) == 1.0
    except ValueError:
        return False


def _look_at_socket(resource: Any) -> None:
    """Have a plain socket of pyvisa-py send at once, and see that it is connected.

    pyvisa-py takes a refused connection for an open one, waits for the answer of one that the
    instrument has closed, and leaves TCP_NODELAY off.

    Raises
    ------
    OSError
        Where there is no connection, or none any more.
    """
    sessions = getattr(resource.visalib, "sessions", None)
    plain = getattr(sessions.get(resource.session), "interface", None) if sessions else None
    if not isinstance(plain, socket.socket):
        return
    plain.getpeername()
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "MSG_DONTWAIT"):
        with contextlib.suppress(BlockingIOError):
            if not plain.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                raise ConnectionResetError("the instrument has closed the connection")
