"""A simulated 2600 alone on a clock, spoken to in messages."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.faults import Faults
from labctl.sim.instruments.keithley2600 import Keithley2600
from labctl.sim.instruments.smu import OpenPort, Port
from labctl.sim.instruments.smu_models import MODELS
from labctl.sim.tsp import Budget


class Resistor:
    """A terminal with a resistance to ground; remembers what it was driven to, and when."""

    def __init__(self, clock: VirtualClock, ohms: float = 1e5) -> None:
        self.clock, self.ohms = clock, ohms
        self.voltage, self.limit = 0.0, 0.0
        self.history: list[tuple[float, float]] = []

    def drive(self, voltage: float, limit: float) -> None:
        self.voltage, self.limit = voltage, limit
        self.history.append((self.clock.now(), voltage))

    def measure(self) -> tuple[float, bool]:
        current = 0.0 if self.voltage != self.voltage else self.voltage / self.ohms
        return float(np.clip(current, -self.limit, self.limit)), abs(current) > self.limit

    def level(self) -> float:
        return self.measure()[0] * self.ohms


class Talker:
    """An ideal 2600 with a resistor on each channel."""

    def __init__(
        self,
        model: str = "2636B",
        clock: VirtualClock | None = None,
        ohms: float | None = 1e5,
        budget: Budget | None = None,
    ) -> None:
        self.clock = clock or VirtualClock()
        self.faults = Faults()
        names = MODELS[model].channels
        self.ports: Mapping[str, Port] = {
            name: Resistor(self.clock, ohms) if ohms else OpenPort() for name in names
        }
        rng = np.random.default_rng(1)
        self.box = Keithley2600(
            self.clock, model, self.ports, rng, self.faults, ideal=True, budget=budget
        )
        self.send("smua.measure.nplc = 0.01 smua.measure.autozero = 0 smua.measure.delay = 0")
        if "b" in names:
            self.send("smub.measure.nplc = 0.01 smub.measure.autozero = 0 smub.measure.delay = 0")

    def send(self, *lines: str) -> None:
        for line in lines:
            self.box.feed(line.encode("latin-1") + b"\n")

    def raw(self) -> bytes:
        """Return everything that waits to be read."""
        parts = []
        while (taken := self.box.take(1 << 24)) is not None:
            parts.append(taken[0])
        return b"".join(parts)

    def ask(self, line: str) -> str:
        """Send a line and return all it answers."""
        self.raw()
        self.send(line)
        return self.raw().decode("latin-1").removesuffix("\n")

    def numbers(self, expression: str) -> list[float]:
        """Return the values of an expression, with full precision."""
        answer = self.ask(f"local p = format.asciiprecision format.asciiprecision = 16 "
                          f"print({expression}) format.asciiprecision = p")  # fmt: skip
        return [float(word) for word in answer.split("\t")]

    def number(self, expression: str) -> float:
        (value,) = self.numbers(expression)
        return value

    def column(self, count: int, *names: str) -> list[float]:
        """Return what printbuffer says of the first readings."""
        answer = self.ask(f"printbuffer(1, {count}, {', '.join(names)})")
        return [float(word) for word in answer.split(",")]

    def codes(self) -> list[int]:
        """Empty the error queue and return its numbers."""
        codes = [error.code for error in self.box.status.errors]
        self.box.status.errors.clear()
        return codes
