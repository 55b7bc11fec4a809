"""A chip in a few lines, for tests: soft bounds, spread of cells, read noise, relaxation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from labctl.array import READ_GATE, READ_VOLTAGE, Counters, Pulse, Readings, Sweep, Timing
from labctl.learn.initialise import PulsePair

PULSES = PulsePair(Pulse.set(1.4, 1.5, 2e-4), Pulse.reset(1.4, 4.0, 2e-4))
LOW, HIGH = 5e-6, 155e-6


class ToyArray:
    """Cells with soft bounds: a SET moves ``2 a (1 - g)``, a RESET ``2 a g``, g in 0 to 1.

    A CellArray. Every operation takes 10 ms of its time.
    """

    def __init__(
        self,
        rows: int = 16,
        columns: int = 16,
        seed: int = 0,
        *,
        levels: float = 22.0,
        pulse_noise: float = 0.5,
        cell_spread: float = 0.3,
        read_noise: float = 0.012,
        relaxation: float = 0.01,
        dead: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.shape = (rows, columns)
        self.timing = Timing(read=0.01, pulse=0.01)
        self.counters = Counters()
        self.rng = np.random.default_rng(seed)
        self.range = HIGH - LOW
        self.step = self.range / levels
        self.pulse_noise, self.read_noise, self.relaxation = pulse_noise, read_noise, relaxation
        self.conductance = self.rng.uniform(LOW, HIGH, self.shape)
        speed = np.exp(cell_spread * self.rng.normal(size=(rows, columns, 1)))
        balance = np.exp(cell_spread / 3 * self.rng.normal(size=(rows, columns, 2)))
        self.factor = speed * balance
        self.dead = np.zeros(self.shape, dtype=bool)
        for cell in dead:
            self.dead[cell] = True
        self._rho = np.zeros(self.shape)
        self._since = np.zeros(self.shape)
        self._now = 0.0

    def now(self) -> float:
        return self._now

    def up(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean SET step of a typical cell, S."""
        return 2 * self.step * (HIGH - conductance) / self.range

    def down(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean RESET step of a typical cell, S."""
        return 2 * self.step * (conductance - LOW) / self.range

    def spread(self, conductance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard deviation of a single pulse, S."""
        return self.pulse_noise * self.step * (0.5 + (conductance - LOW) / self.range)

    def read(
        self, cells: ArrayLike, voltage: float = READ_VOLTAGE, gate: float = READ_GATE
    ) -> Readings:
        wanted = np.asarray(cells, dtype=np.int64).reshape(-1, 2)
        rows, cols = wanted[:, 0], wanted[:, 1]
        times = self._now + 0.01 * np.arange(1, len(wanted) + 1)
        value = self._relaxed(rows, cols, times)
        value = value * (1 + self.read_noise * self.rng.normal(size=len(wanted)))
        self._now += 0.01 * len(wanted)
        self.counters.reads += len(wanted)
        self.counters.read_energy += float(np.sum(value) * voltage**2 * 2e-4)
        return Readings(wanted, value * voltage, value, np.zeros(len(wanted), np.uint8), times)

    def pulse(
        self, cells: ArrayLike, pulses: Pulse | Sequence[Pulse], read: float | None = None
    ) -> Readings | None:
        wanted = np.asarray(cells, dtype=np.int64).reshape(-1, 2)
        each = [pulses] * len(wanted) if isinstance(pulses, Pulse) else pulses
        sets = np.array([p.bit_line > 0 for p in each], dtype=bool)
        rows, cols = wanted[:, 0], wanted[:, 1]
        start = self._relaxed(rows, cols, np.full(len(wanted), self._now))
        mean = np.where(sets, self.up(start), -self.down(start))
        mean = mean * self.factor[rows, cols, np.where(sets, 0, 1)]
        end = start + mean + self.spread(start) * self.rng.normal(size=len(wanted))
        end = np.clip(end, 0.5 * LOW, 1.1 * HIGH)
        alive = ~self.dead[rows, cols]
        self.conductance[rows, cols] = np.where(alive, end, self.conductance[rows, cols])
        self._rho[rows, cols] = self.relaxation * self.rng.normal(size=len(wanted)) * alive
        self._now += 0.01 * len(wanted)
        self._since[rows, cols] = self._now
        self.counters.pulses += len(wanted)
        self.counters.relay_closures += 3 * len(wanted)
        self.counters.write_energy += float(np.sum(start)) * 2.0 * 2e-4
        return None if read is None else self.read(wanted, read)

    def check(self, pulses: Sequence[Pulse]) -> None:
        """Nothing is forbidden."""

    def sweep(
        self, cell: tuple[int, int], voltages: Sequence[float], gate: float, dwell: float
    ) -> Sweep:
        raise NotImplementedError

    def _relaxed(
        self, rows: NDArray[np.int64], cols: NDArray[np.int64], times: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        age = np.maximum(times - self._since[rows, cols], 0.0)
        grown: NDArray[np.float64] = self.conductance[rows, cols] * np.exp(
            self._rho[rows, cols] * np.log1p(age / 10.0)
        )
        return grown


def measure_transitions(
    array: ToyArray, passes: int = 60, seed: int = 1, repeats: int = 6
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return tables like those of the procedure transitions."""
    rng = np.random.default_rng(seed)
    cells = np.argwhere(np.ones(array.shape, bool))
    polarity = rng.choice([-1, 1], len(cells))
    before = array.read(cells).conductance
    parts = []
    for _ in range(passes):
        polarity = np.where(rng.random(len(cells)) < 0.3, -polarity, polarity)
        readings = array.pulse(cells, PULSES.of(polarity.astype(np.int8)), read=READ_VOLTAGE)
        assert readings is not None
        parts.append(
            pd.DataFrame({
                "row": cells[:, 0], "col": cells[:, 1], "polarity": polarity,
                "before": before, "after": readings.conductance, "flag": readings.flag,
            })
        )  # fmt: skip
        before = readings.conductance
    again = [
        pd.DataFrame(
            {"row": cells[:, 0], "col": cells[:, 1], "conductance": array.read(cells).conductance}
        )
        for _ in range(repeats)
    ]
    return pd.concat(parts, ignore_index=True), pd.concat(again, ignore_index=True)
