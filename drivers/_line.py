"""One connection to an instrument: messages and answers, one thread at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

import pyvisa
from pymeasure.adapters import VISAAdapter
from pyvisa.constants import StatusCode

from labctl.errors import ConnectionLostError, InstrumentError

CHUNK = 1 << 20
"""Bytes asked for at once."""


def connect(address: str, visa_library: str, timeout: float) -> VISAAdapter:
    """Return a pymeasure adapter to ``address``; answers end at a line feed."""
    return VISAAdapter(
        address,
        visa_library=visa_library,
        read_termination="\n",
        write_termination="\n",
        timeout=round(timeout * 1000),
    )


def _exchange(adapter: Any) -> tuple[Callable[[str], object], Callable[[], str]]:
    """Return functions that send a line and read one: the library's own where there is one.

    What pymeasure and pyvisa do around each costs more than the message itself on the simulated
    bench. Where somebody has their messages logged, or there is no VISA, the adapter's are used.
    """
    if not isinstance(adapter, VISAAdapter) or adapter.log.isEnabledFor(logging.DEBUG):
        return adapter.write, adapter.read
    library, session = adapter.connection.visalib, adapter.connection.session
    write, read = library.write, library.read

    def send(command: str) -> None:
        write(session, command.encode("ascii") + b"\n")

    def receive() -> str:
        data, status = read(session, CHUNK)
        while status == StatusCode.success_max_count_read:
            more, status = read(session, CHUNK)
            data += more
        return bytes(data).decode("ascii")

    return send, receive


class Line:
    """One connection that several threads may share: one message and its answer at a time.

    Attribute access on a pymeasure Instrument costs as much as the message itself, so what runs
    for every cell goes through this plain object.
    """

    def __init__(self, adapter: Any, name: str) -> None:
        self.lock = threading.RLock()
        self.name = name
        self._adapter = adapter
        self._write, self._read = _exchange(adapter)
        self._owed = False  # an answer may still come that nobody waits for

    def query(self, command: str) -> str:
        """Send one message and return its answer, stripped.

        Raises
        ------
        ConnectionLostError
            Where no answer comes.
        InstrumentError
            Where what comes is no text.
        """
        with self.lock:
            try:
                self._settle()
                self._owed = True
                self._write(command)
                answer = str(self._read()).strip()
                self._owed = False
                return answer
            except UnicodeDecodeError as error:
                raise InstrumentError(
                    f"{self.name} answered {command} with {error.object!r:.60}, which is no text. "
                    "Check its cable, or switch it off and on."
                ) from error
            except (pyvisa.Error, OSError) as error:
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
                self._settle()
                self._write(command)
            except (pyvisa.Error, OSError) as error:
                raise self._lost(command, error) from error

    def clear(self) -> None:
        """Break off whatever runs and forget all answers, by device clear."""
        with self.lock:
            self._adapter.connection.clear()
            self._owed = False

    def _settle(self) -> None:
        """Clear the device after a query that was interrupted or timed out.

        Its answer would otherwise be taken for that of the next query, and so on for ever.
        """
        if self._owed:
            self.clear()

    def _lost(self, command: str, error: Exception) -> ConnectionLostError:
        return ConnectionLostError(
            f"{self.name} does not answer to {command}: {error}. Check its power, cable and "
            "front panel."
        )
