"""What every Keithley TSP box has in common: one connection, one lock, one error queue."""

from __future__ import annotations

import threading
from typing import Any

from pymeasure.adapters import VISAAdapter
from pymeasure.instruments import Instrument

from labctl.errors import InstrumentError
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


class TspInstrument(Instrument):
    """A TSP box behind one connection that several threads may share."""

    def __init__(self, adapter: Any, name: str, **kwargs: Any) -> None:
        super().__init__(adapter, name, includeSCPI=False, **kwargs)
        self.lock = threading.RLock()
        self.identity = Identity.parse(self.query("*IDN?"))

    def query(self, command: str) -> str:
        """Send one message and return its answer, stripped; one at a time per connection."""
        with self.lock:
            return str(self.ask(command)).strip()

    def send(self, command: str) -> None:
        """Send one message that has no answer."""
        with self.lock:
            self.write(command)

    def self_check(self) -> list[str]:
        """Drain the error queue; one line per error."""
        errors = []
        with self.lock:
            while round(float(self.query("print(errorqueue.count)"))) > 0:
                code, message, *_ = self.query("print(errorqueue.next())").split("\t")
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
