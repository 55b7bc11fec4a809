"""What every Keithley TSP box has in common: one connection, one lock, one error queue."""

from __future__ import annotations

import threading
from typing import Any

import pyvisa
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments import Instrument

from labctl.errors import ConnectionLostError, InstrumentError
from labctl.instruments import Identity

MOST_ERRORS = 100
"""Errors drained at once; a box that queues faster than that has a fault of its own."""


def connect(address: str, visa_library: str, timeout: float) -> VISAAdapter:
    """Return a pymeasure adapter to ``address``; answers end at a line feed."""
    return VISAAdapter(
        address,
        visa_library=visa_library,
        read_termination="\n",
        write_termination="\n",
        timeout=round(timeout * 1000),
    )


class Line:
    """One connection that several threads may share: one message and its answer at a time.

    Attribute access on a pymeasure Instrument costs as much as the message itself, so what runs
    for every cell goes through this plain object.
    """

    def __init__(self, adapter: Any, name: str) -> None:
        self.lock = threading.RLock()
        self.name = name
        self._write, self._read = adapter.write, adapter.read

    def query(self, command: str) -> str:
        """Send one message and return its answer, stripped.

        Raises
        ------
        ConnectionLostError
            Where no answer comes.
        """
        with self.lock:
            try:
                self._write(command)
                return str(self._read()).strip()
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
                self._write(command)
            except (pyvisa.Error, OSError) as error:
                raise self._lost(command, error) from error

    def _lost(self, command: str, error: Exception) -> ConnectionLostError:
        return ConnectionLostError(
            f"{self.name} does not answer to {command}: {error}. Check its power, cable and "
            "front panel."
        )


class TspInstrument(Instrument):
    """A TSP box with its connection and its error queue."""

    def __init__(self, adapter: Any, name: str, **kwargs: Any) -> None:
        super().__init__(adapter, name, includeSCPI=False, **kwargs)
        self.line = Line(self.adapter, name)
        self.identity = Identity.parse(self.line.query("*IDN?"))

    def self_check(self) -> list[str]:
        """Drain the error queue; one line per error."""
        errors = []
        line = self.line
        with line.lock:
            while round(float(line.query("print(errorqueue.count)"))) > 0:
                code, message, *_ = line.query("print(errorqueue.next())").split("\t")
                errors.append(f"{self.name}: error {round(float(code))}: {message}")
                if len(errors) == MOST_ERRORS:
                    break
        return errors

    def raise_errors(self, action: str) -> None:
        """Raise InstrumentError with everything on the error queue, naming the ``action``."""
        if errors := self.self_check():
            raise InstrumentError(f"{action}: {'; '.join(errors)}.")

    def abort(self) -> None:
        """Break off whatever runs, by device clear."""
        self.adapter.connection.clear()

    def close(self) -> None:
        """Close the connection; no command is sent."""
        self.adapter.close()
