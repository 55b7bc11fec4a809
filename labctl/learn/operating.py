"""Operating point: pulses whose SET and RESET steps balance over the window that is to be used.

A kind of chip comes with pulses that program it; learning wants weaker ones, of some twenty to
forty steps to the window, equally large in its middle. Gates and widths are kept and the voltages
are sought: steps depend on them exponentially, so that a few short rounds are enough. A round
wanders over the window as the procedure ``transitions`` does, takes the mean step of each polarity
in the middle of it, and corrects each voltage by a secant on the logarithm of the step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from labctl.array import READ_VOLTAGE, CellArray
from labctl.errors import CalibrationError
from labctl.learn.initialise import PulsePair

TOLERANCE = 0.15
"""Relative error of the two steps that is good enough; cells differ by more."""
LEVELS = 30.0
_MIDDLE = (0.3, 0.7)
_TURN = 0.25
_FEWEST = 24
_SOFTNESS = 0.06
_SOFTNESS_BOUNDS = (0.015, 0.2)
"""V per factor e of the step: at first, and between which values the secant is believed."""
_FARTHEST = 0.12
_BOLDEST = 3.0


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """What :func:`find_pulses` found.

    Attributes
    ----------
    pulses
        SET and RESET.
    up, down
        Mean steps in the middle of the window, S, both positive.
    wanted
        What they were to be, S.
    rounds, spent
        How long it took: rounds and pulses.
    """

    pulses: PulsePair
    up: float
    down: float
    wanted: float
    rounds: int
    spent: int


def find_pulses(
    array: CellArray,
    cells: NDArray[np.int64],
    start: PulsePair,
    window: tuple[float, float],
    rng: np.random.Generator,
    *,
    levels: float = LEVELS,
    read: float = READ_VOLTAGE,
    passes: int = 12,
    most: int = 20,
) -> OperatingPoint:
    """Seek the voltages at which ``levels`` steps of SET, and as many of RESET, span the window.

    Parameters
    ----------
    array
        The chip; its cells are formed.
    cells
        int, shape (n, 2): those to try on, 48 or more; they end anywhere in the window.
    start
        Pulses to begin with; gates and widths are kept.
    window
        Conductances (S) that weights shall use.
    rng
        Turns the cells round.
    levels
        Steps wanted from one end of the window to the other.
    read
        V.
    passes
        Pulses a cell gets in a round.
    most
        Most rounds.

    Raises
    ------
    CalibrationError
        Where no such pulses were found; the message says what was reached.
    LimitError
        Where the voltage that would be needed is forbidden.
    """
    low, high = window
    wanted = (high - low) / levels
    search = _Search(array, cells, window, rng, read, passes)
    voltage = np.array([start.set.bit_line, start.reset.source_line])
    softness = np.full(2, _SOFTNESS)
    best: OperatingPoint | None = None
    before: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    for turn in range(1, most + 1):
        pulses = PulsePair(
            replace(start.set, bit_line=float(voltage[0])),
            replace(start.reset, source_line=float(voltage[1])),
        )
        array.check([pulses.set, pulses.reset])
        steps = search.round(pulses)
        point = OperatingPoint(pulses, float(steps[0]), float(steps[1]), wanted, turn, search.spent)
        error = np.log(np.maximum(steps, 1e-3 * wanted) / wanted)
        if np.abs(error).max() < np.log1p(TOLERANCE):
            return point
        if best is None or _miss(point) < _miss(best):
            best = point
        if before is not None:
            rise, moved = error - before[1], voltage - before[0]
            # A step and its voltage must have moved, both well beyond their noise, to tell a slope.
            told = (np.abs(moved) > 2e-3) & (np.abs(rise) > 0.3) & (np.abs(error) < _BOLDEST)
            softness[told] = np.clip(moved[told] / rise[told], *_SOFTNESS_BOUNDS)
        before = (voltage.copy(), error)
        voltage = voltage - np.clip(softness * error, -_FARTHEST, _FARTHEST)
        voltage = np.maximum(voltage, 0.05)
    assert best is not None
    raise CalibrationError(
        f"No pulses were found in {most} rounds whose steps are {wanted * 1e6:.3g} µS from "
        f"{low * 1e6:.3g} to {high * 1e6:.3g} µS. Nearest: SET {best.pulses.set.bit_line:.3f} V "
        f"{best.up * 1e6:.3g} µS, RESET {best.pulses.reset.source_line:.3f} V "
        f"{best.down * 1e6:.3g} µS. Choose another window, other gates or another width."
    )


def _miss(point: OperatingPoint) -> float:
    steps = np.maximum([point.up, point.down], 1e-3 * point.wanted)
    return float(np.abs(np.log(steps / point.wanted)).max())


class _Search:
    """Cells that wander over the window, and what pulses do to them there."""

    def __init__(
        self,
        array: CellArray,
        cells: NDArray[np.int64],
        window: tuple[float, float],
        rng: np.random.Generator,
        read: float,
        passes: int,
    ) -> None:
        self._array, self._cells, self._rng, self._read = array, cells, rng, read
        self._low, self._high = window
        self._passes = passes
        self._polarity = rng.choice([-1, 1], len(cells))
        self._conductance = array.read(cells, read).conductance
        self.spent = 0

    def round(self, pulses: PulsePair) -> NDArray[np.float64]:
        """Return the mean SET and RESET step (S, shape (2,)) in the middle of the window."""
        starts, ends, ways = [], [], []
        for _ in range(self._passes):
            here = self._conductance
            turn = self._rng.random(len(here)) < _TURN
            self._polarity = np.where(turn, -self._polarity, self._polarity)
            self._polarity = np.where(here < self._low, 1, self._polarity)
            self._polarity = np.where(here > self._high, -1, self._polarity)
            each = pulses.of(self._polarity.astype(np.int8))
            readings = self._array.pulse(self._cells, each, read=self._read)
            assert readings is not None
            self.spent += len(self._cells)
            starts.append(here)
            ends.append(readings.conductance)
            ways.append(self._polarity)
            self._conductance = np.where(
                np.isfinite(readings.conductance), readings.conductance, here
            )
        return self._steps(np.concatenate(starts), np.concatenate(ends), np.concatenate(ways))

    def _steps(
        self,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        way: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        width = self._high - self._low
        middle = (start > self._low + _MIDDLE[0] * width) & (start < self._low + _MIDDLE[1] * width)
        found = np.empty(2)
        for k, polarity in enumerate((1, -1)):
            mine = (way == polarity) & np.isfinite(start) & np.isfinite(end)
            inside = mine & middle
            if inside.sum() < _FEWEST:
                # The other polarity keeps the cells at one end: what moves them there must do.
                inside = mine
            step = polarity * (end - start)[inside]
            found[k] = float(step.mean()) if len(step) else 0.0
        return found
