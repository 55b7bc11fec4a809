"""One connection to an instrument: messages and answers, one thread at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyvisa
from pymeasure.adapters import VISAAdapter

from drivers._wire import plain_socket, wire_of
from labctl.errors import ConnectionLostError, InstrumentError

_BROKEN = (pyvisa.Error, OSError)
"""What a connection that fails raises."""
_MARKS = range(101, 256)
"""Values of ``*ESE`` that find the place in a stream of late answers; no other answer is one."""
_MOST_LATE = 1000
"""Lines thrown away while looking for it."""
_MOMENT = 0.05
"""How long to wait for a thread that holds the connection before breaking in, s."""


def connect(address: str, visa_library: str, timeout: float) -> VISAAdapter:
    """Return a pymeasure adapter to ``address``; answers end at a line feed.

    Raises
    ------
    ConnectionLostError
        Where a socket cannot be connected.
    """
    try:
        adapter = VISAAdapter(
            address,
            visa_library=visa_library,
            read_termination="\n",
            write_termination="\n",
            timeout=round(timeout * 1000),
        )
    except _BROKEN:
        raise
    except Exception as error:
        if type(error) is not Exception:
            raise
        # pyvisa-py says no more than Exception where nobody answers at the address of a socket.
        raise ConnectionLostError(f"{address}: {error}") from error
    plain = plain_socket(adapter)
    try:
        if plain is not None:
            plain.getpeername()  # pyvisa-py takes a refused connection for one
    except OSError as error:
        adapter.close()
        raise ConnectionLostError(
            f"Nobody takes the connection to {address}: {error}. Check power, cable and address."
        ) from error
    return adapter


class Line:
    """One connection that several threads may share: one message and its answer at a time.

    Attribute access on a pymeasure Instrument costs as much as the message itself, so what runs
    for every cell goes through this plain object.

    Parameters
    ----------
    adapter
        A pymeasure adapter.
    name
        Of the instrument, for error messages.
    break_off
        Messages that end what runs, where the transport has no device clear (TSP: ``abort``).
    """

    def __init__(self, adapter: Any, name: str, break_off: Sequence[str] = ()) -> None:
        self.lock = threading.RLock()
        self.name = name
        self._adapter, self._break_off = adapter, tuple(break_off)
        self._wire = wire_of(adapter)
        self._write, self._read = self._wire.write, self._wire.line
        self._timeout = self._wire.timeout
        self._owed = False  # an answer may still come that nobody waits for
        self._mark = -1

    def query(self, command: str, busy: float = 0.0) -> str:
        """Send one message and return its answer, stripped.

        Parameters
        ----------
        command
            The message.
        busy
            How long the instrument has to do before it can answer, s; the time-out comes later by
            so much.

        Raises
        ------
        ConnectionLostError
            Where no answer comes.
        InstrumentError
            Where what comes is no text.
        """
        with self.lock:
            try:
                if self._owed:
                    self._settle()
                self._owed = True
                self._write(command)
                if busy > self._timeout / 4:
                    with self._patient(busy):
                        data = self._read()
                else:
                    data = self._read()
                answer = data.decode("ascii").strip()
                self._owed = False
                return answer
            except UnicodeDecodeError as error:
                raise self._garbled(command, error.object) from error
            except _BROKEN as error:
                raise self._lost(command, error) from error

    def query_block(self, command: str, count: int, busy: float = 0.0) -> bytes:
        """Send one message and return the binary block of ``count`` bytes that answers it.

        Both heads of IEEE 488.2 are read: ``#0``, whose length is nowhere said, and ``#<digits>
        <length>``. The bytes are counted, for any of them may be a line feed.

        Raises
        ------
        ConnectionLostError
            Where fewer bytes come.
        InstrumentError
            Where something else comes than a block of that length.
        """
        with self.lock:
            try:
                if self._owed:
                    self._settle()
                self._owed = True
                self._write(command)
                with self._patient(busy):
                    head = self._wire.exactly(2)
                    if head[:1] != b"#" or not head[1:].isdigit():
                        raise self._garbled(command, head + b"...")
                    digits = int(head[1:])
                    length = self._wire.exactly(digits) if digits else b""
                    if digits and length != b"%0*d" % (digits, count):
                        raise self._garbled(command, head + length + b"...")
                    data = self._wire.exactly(count + 1)
                if data[-1:] != b"\n":
                    raise self._garbled(command, head + data[:20] + b"...")
                self._owed = False
                return data[:-1]
            except _BROKEN as error:
                raise self._lost(command, error) from error

    def send(self, command: str) -> None:
        """Send one message that has no answer.

        Raises
        ------
        ConnectionLostError
            Where it is not taken.
        """
        with self.lock:
            try:
                if self._owed:
                    self._settle()
                self._write(command)
            except _BROKEN as error:
                raise self._lost(command, error) from error

    def clear(self) -> None:
        """Break off whatever runs and forget all answers.

        That is a device clear; over a raw socket or a serial line, which have none, the
        instrument's own message for it where it has one. A thread that waits for an answer is
        not waited for: it gets no answer, and fails.

        Raises
        ------
        ConnectionLostError
            Where that is not possible.
        """
        held = self.lock.acquire(timeout=_MOMENT)
        try:
            self._owed = True
            if held:
                self._settle()
            else:
                self._break_in()
        except _BROKEN as error:
            raise self._lost("a device clear", error) from error
        finally:
            if held:
                self.lock.release()

    def _break_in(self) -> None:
        """End what runs for another thread, whose read is left to fail."""
        if self._wire.has_clear:
            self._wire.clear()
        for message in self._break_off:
            self._write(message)

    def _settle(self) -> None:
        """Get in step again after a query that was interrupted or timed out.

        Its answer would otherwise be taken for that of the next query, and so on for ever.
        """
        self._wire.clear()
        if not self._wire.has_clear:
            self._find_place()
        self._owed = False

    def _find_place(self) -> None:
        """Ask for something that only the latest question can be answered by, and wait for it.

        Every IEEE 488.2 instrument keeps a number in ``*ESE``, which nothing else here uses.
        """
        for message in self._break_off:
            self._write(message)
        self._mark = (self._mark + 1) % len(_MARKS)
        mark = _MARKS[self._mark]
        self._write(f"*ESE {mark}")
        self._write("*ESE?")
        for _ in range(_MOST_LATE):
            try:
                if float(self._read()) == mark:
                    return
            except ValueError:
                continue  # a late answer
        raise ConnectionError(f"it does not answer *ESE? with {mark}")

    @contextmanager
    def _patient(self, busy: float) -> Iterator[None]:
        """Wait longer for an answer by ``busy`` (s)."""
        if busy <= self._timeout / 4:
            yield
            return
        self._wire.timeout = self._timeout + busy
        try:
            yield
        finally:
            self._wire.timeout = self._timeout

    def _garbled(self, command: str, answer: bytes) -> InstrumentError:
        return InstrumentError(
            f"{self.name} answered {_short(command)} with {answer!r:.60}, which is no text and no "
            "block of the length asked for. Check its cable, or switch it off and on."
        )

    def _lost(self, command: str, error: Exception) -> ConnectionLostError:
        return ConnectionLostError(
            f"{self.name} does not answer to {_short(command)}: {error}. Check its power, cable "
            "and front panel."
        )


def _short(command: str) -> str:
    return command if len(command) <= 200 else f"{command[:200]}..."
