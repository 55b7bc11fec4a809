"""What one recommended pulse does, against the conductance it starts from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from labctl.sim.datasheet import look
from labctl.sim.datasheet.strip import Point, Strip

_TURN = 0.08
"""Chance per pulse that the direction changes: long runs reach both ends of the window."""
_BINS = 14
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Steps:
    """Binned steps of one polarity.

    Attributes
    ----------
    centre, mean, sd
        S, float64, (bins,).
    """

    centre: NDArray[np.float64]
    mean: NDArray[np.float64]
    sd: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Transitions:
    """Steps of both polarities, and their pulses.

    Attributes
    ----------
    up, down
        SET and RESET.
    set_step, reset_step
        The pulses.
    cells, pulses
        Number of cells, and of pulses each got.
    """

    up: Steps
    down: Steps
    set_step: Point
    reset_step: Point
    cells: int
    pulses: int


def measure_transitions(
    strip: Strip, set_step: Point, reset_step: Point, pulses: int, seed: int
) -> Transitions:
    """Pulse all cells up and down across the window at random, and bin every step."""
    rng = np.random.default_rng(seed)
    up = True
    none = np.empty((2, 0))
    seen: dict[bool, list[NDArray[np.float64]]] = {True: [none], False: [none]}
    for _ in range(pulses):
        if rng.random() < _TURN:
            up = not up
        before = strip.conductance
        strip.pulse(set_step if up else reset_step)
        seen[up].append(np.stack([before, strip.conductance - before]))
    both = np.concatenate([*seen[True], *seen[False]], axis=1)
    low, high = np.quantile(both[0], [0.005, 0.995])
    edges = np.linspace(float(low), float(high), _BINS + 1)
    binned = [_binned(np.concatenate(seen[way], axis=1), edges) for way in (True, False)]
    return Transitions(binned[0], binned[1], set_step, reset_step, strip.cells, pulses)


def _binned(seen: NDArray[np.float64], edges: NDArray[np.float64]) -> Steps:
    before, step = seen
    rows = []
    for k in range(edges.size - 1):
        chosen = step[(before >= edges[k]) & (before < edges[k + 1])]
        if chosen.size >= _FEWEST:
            rows.append((0.5 * (edges[k] + edges[k + 1]), chosen.mean(), chosen.std()))
    table = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return Steps(table[:, 0], table[:, 1], table[:, 2])


def draw_transitions(axes: Axes, transitions: Transitions) -> None:
    """Draw mean step and the sd of a single one, both polarities."""
    axes.set_title("One recommended pulse")
    for steps, point, colour, name in (
        (transitions.up, transitions.set_step, look.SET_COLOUR, "SET"),
        (transitions.down, transitions.reset_step, look.RESET_COLOUR, "RESET"),
    ):
        x, mean, sd = (look.MICRO * a for a in (steps.centre, steps.mean, steps.sd))
        axes.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.15, linewidth=0)
        axes.plot(
            x, mean, "o-", color=colour, markersize=3,
            label=f"{name} {abs(point.voltage):.2f} V, gate {point.gate:.2f} V",
        )  # fmt: skip
    axes.axhline(0, color=look.INK, linewidth=0.8)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.22 * (high - low))
    axes.set_xlabel("conductance before (µS)")
    axes.set_ylabel("change (µS)")
    axes.legend(loc="upper right")
    widths = {look.seconds(p.width) for p in (transitions.set_step, transitions.reset_step)}
    look.note(
        axes,
        f"{transitions.cells} cells, {transitions.pulses} pulses of "
        f"{' / '.join(sorted(widths))} each;\nmean and ± sd of a single step",
    )
