"""Schedules of the temperature: constant, cooling, and in cycles."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, pi
from typing import Protocol

from labctl.errors import ProcedureError


class Schedule(Protocol):
    """What temperature each step has, and whether what it leaves is a draw."""

    def temperature(self, step: int) -> float:
        """Return the temperature of a step, from 0; 1 is Bayes."""
        ...

    def draws(self, step: int) -> bool:
        """Tell whether the weights after this step belong to the density that is wanted."""
        ...


def _positive(name: str, value: float) -> None:
    if not 0 < value < float("inf"):
        raise ProcedureError(f"{name} is {value}; a temperature is a finite number above 0.")


@dataclass(frozen=True, slots=True)
class Constant:
    """One temperature: 1 samples the posterior, less a narrower density.

    Attributes
    ----------
    value
        The temperature.
    """

    value: float = 1.0

    def __post_init__(self) -> None:
        _positive("The temperature", self.value)

    def temperature(self, step: int) -> float:
        """Return the temperature."""
        return self.value

    def draws(self, step: int) -> bool:
        """Return True."""
        return True


@dataclass(frozen=True, slots=True)
class Tempered:
    """Geometric cooling from ``start`` to ``end`` over ``steps``, then ``end``.

    Simulated annealing (Kirkpatrick et al., Science 220, 671 (1983)) down to the temperature that
    is to be sampled.

    Attributes
    ----------
    start, end
        Temperatures.
    steps
        How many steps the cooling takes; what comes after counts as draws.
    """

    start: float
    end: float = 1.0
    steps: int = 1000

    def __post_init__(self) -> None:
        _positive("The temperature at the start", self.start)
        _positive("The temperature at the end", self.end)
        if self.steps < 1:
            raise ProcedureError(f"A cooling over {self.steps} steps; give 1 or more.")

    def temperature(self, step: int) -> float:
        """Return the temperature of a step."""
        part = min(step / self.steps, 1.0)
        return float(self.start ** (1.0 - part) * self.end**part)

    def draws(self, step: int) -> bool:
        """Tell whether the cooling is over."""
        return step >= self.steps


@dataclass(frozen=True, slots=True)
class Cyclical:
    """Hot, cooling and sampling phases in turn, so that one chain visits several modes.

    The first part of each cycle explores at temperatures that fall from ``hot`` as a cosine; the
    rest samples at ``cold``. The idea, with step sizes in place of temperatures: Zhang et al.,
    ICLR (2020).

    Attributes
    ----------
    period
        Steps of a cycle.
    hot, cold
        Temperatures.
    explore
        Part of the cycle that explores, 0 to 1.
    settle
        Part of the cycle after that in which the weights cool down: not yet draws.
    """

    period: int = 1000
    hot: float = 10.0
    cold: float = 1.0
    explore: float = 0.4
    settle: float = 0.2

    def __post_init__(self) -> None:
        _positive("The hot temperature", self.hot)
        _positive("The cold temperature", self.cold)
        if self.period < 2 or not 0 <= self.explore < 1 or not 0 <= self.settle < 1 - self.explore:
            raise ProcedureError(
                f"A cycle of {self.period} steps that explores for {self.explore} of it and "
                f"settles for {self.settle}: give 2 steps or more, and parts of 0 or more that "
                "leave something to sample."
            )

    def temperature(self, step: int) -> float:
        """Return the temperature of a step."""
        part = (step % self.period) / self.period
        if part >= self.explore:
            return self.cold
        return self.cold + (self.hot - self.cold) * 0.5 * (1.0 + cos(pi * part / self.explore))

    def draws(self, step: int) -> bool:
        """Tell whether the cycle is in its sampling phase."""
        return step % self.period >= round(self.period * (self.explore + self.settle))
