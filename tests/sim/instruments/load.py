"""A resistor between the terminals of a source meter, and how to talk to a bare box."""

from __future__ import annotations

from math import copysign

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2400 import Keithley2400
from labctl.sim.scpi import ScpiBox


class Resistor:
    """What a terminal is wired to: `ohms` to ground; remembers every level it saw."""

    def __init__(self, ohms: float) -> None:
        self.ohms = ohms
        self.driven: list[float] = []
        self._voltage, self._limit = 0.0, 0.0

    def drive(self, voltage: float, limit: float) -> None:
        """Take level (V, NaN = disconnected) and current limit (A)."""
        self._voltage, self._limit = voltage, limit
        self.driven.append(voltage)

    def measure(self) -> tuple[float, bool]:
        """Return the current (A) and whether it is at its limit."""
        if self._voltage != self._voltage:
            return 0.0, False
        current = self._voltage / self.ohms
        if abs(current) > self._limit:
            return copysign(self._limit, current), True
        return current, False

    def level(self) -> float:
        """Return the voltage at the terminal, V."""
        return self.measure()[0] * self.ohms


def meter(
    ohms: float = 1e4, model: str = "2400", ideal: bool = True, faults: Faults | None = None
) -> Keithley2400:
    """Return a source meter with a resistor at its terminals."""
    rng = np.random.default_rng(1)
    return Keithley2400(VirtualClock(), model, Resistor(ohms), rng, faults, ideal)


def load(box: Keithley2400) -> Resistor:
    """Return the resistor of :func:`meter`."""
    port = box.analogue.channel.port
    assert isinstance(port, Resistor)
    return port


def ask(box: ScpiBox, message: str) -> str | None:
    """Send one message and take its answer, without the line feed; None if there is none."""
    box.feed(message.encode("latin-1") + b"\n")
    taken = box.take(1 << 22)
    return None if taken is None else taken[0].decode("latin-1").removesuffix("\n")


def values(box: ScpiBox, message: str) -> list[float]:
    """Return an answer as numbers."""
    answer = ask(box, message)
    assert answer is not None, box.status.errors
    return [float(part) for part in answer.split(",")]


def status(box: ScpiBox) -> int:
    """Take a reading and return its status word."""
    return int(values(box, "FORM:ELEM STAT;:READ?")[0])


def errors(box: ScpiBox) -> list[int]:
    """Take all numbers off the error queue."""
    codes = []
    while (error := box.status.next_error()) is not None:
        codes.append(error.code)
    return codes


def ready(message: str = "", ohms: float = 1e4) -> Keithley2400:
    """Return a meter with its output on that reads current only, quickly."""
    box = meter(ohms=ohms)
    ask(box, "SENS:CURR:NPLC 0.01;:SENS:CURR:PROT 1e-2;:SOUR:DEL 0;:FORM:ELEM CURR;:OUTP ON")
    if message:
        ask(box, message)
    assert errors(box) == []
    return box
