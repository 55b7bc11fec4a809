"""All measurements of a data sheet, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.sim.chip import Preset
from labctl.sim.datasheet.conditions import Conditions, conditions, formed_strip, way
from labctl.sim.datasheet.endurance import Endurance, measure_endurance
from labctl.sim.datasheet.forming import Forming, measure_forming
from labctl.sim.datasheet.gates import GateLimited, measure_gates
from labctl.sim.datasheet.kinetics import LONGEST, SHORTEST, Kinetics, measure_kinetics
from labctl.sim.datasheet.loops import Loops, measure_loops
from labctl.sim.datasheet.noise import Reads, measure_reads
from labctl.sim.datasheet.relaxation import Relaxation, measure_relaxation
from labctl.sim.datasheet.retention import Retention, measure_retention
from labctl.sim.datasheet.spectrum import Spectrum, spectrum
from labctl.sim.datasheet.states import States, measure_states
from labctl.sim.datasheet.steps import Transitions, measure_transitions
from labctl.sim.datasheet.strip import Point, Strip

SET_FACTORS = (1.0, 1.2, 1.4)
RESET_FACTORS = (1.0, 1.12, 1.25)
"""Amplitudes of the panels over pulse width, in those of the recommended pulses..."""
SET_BELOW = (0.6, 0.8, 1.0)
RESET_BELOW = (0.6, 0.8, 1.0)
"""... and of those that are so strong that stronger ones would show nothing new."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured.

    Attributes
    ----------
    formed
        Cells of the forming panel.
    cells
        Cells of most other panels.
    loops
        Cells swept.
    pulses
        Recommended pulses each cell gets.
    cycles
        Full cycles each cell gets.
    gates
        Gate voltages.
    worn
        Cells of the endurance panel.
    strips, reads
        Strips of 60 cells that are read, and how often.
    most_cycles
        End of the endurance panel.
    """

    formed: int
    cells: int
    loops: int
    pulses: int
    cycles: int
    gates: int
    worn: int
    strips: int
    reads: int
    most_cycles: float


FULL = Effort(1024, 320, 12, 400, 40, 9, 200, 12, 2000, 1e9)
QUICK = Effort(64, 64, 6, 60, 6, 5, 64, 2, 300, 1e5)


@dataclass(frozen=True, slots=True)
class DataSheet:
    """What was measured, panel by panel."""

    preset: str
    seed: int
    at: Conditions
    loops: Loops
    forming: Forming
    setting: Kinetics
    resetting: Kinetics
    transitions: Transitions
    states: States
    gates: GateLimited
    reads: Reads
    spectrum: Spectrum
    relaxation: Relaxation
    retention: Retention
    endurance: Endurance


def _around(
    strip: Strip, step: Point, full: Point, above: tuple[float, ...], below: tuple[float, ...]
) -> tuple[Point, ...]:
    """Return amplitudes from the recommended pulse up or, if it is strong already, down to less."""
    most = step._replace(voltage=step.voltage * above[-1])
    early, late = (way(strip, most._replace(width=width)) for width in (SHORTEST, LONGEST))
    strong = (step.voltage, step.width) == (full.voltage, full.width) or early > 0.7 * late
    return tuple(step._replace(voltage=step.voltage * k) for k in (below if strong else above))


def _nothing(_: str) -> None:
    return


def measure(
    kind: Preset,
    name: str,
    seed: int,
    effort: Effort = FULL,
    tell: Callable[[str], Any] = _nothing,
) -> DataSheet:
    """Measure a kind of chip.

    Parameters
    ----------
    kind, name
        The preset, and the name or file it came from.
    seed
        Of the simulated chips.
    effort
        How much to measure.
    tell
        Called with the name of each measurement as it begins.

    Raises
    ------
    BenchFileError
        Not one cell forms under the recommended pulses.
    """
    # Chips of the same seed are the same chip: strips that must differ get seeds of their own.
    seeds = [int(s) for s in np.random.SeedSequence(seed).generate_state(effort.strips + 2)]
    tell("pulses")
    at = conditions(kind, name, seeds[0])
    tell("I-V loops")
    loops = measure_loops(kind, at, effort.loops, seeds[1])
    tell("forming")
    forming = measure_forming(kind, at, effort.formed, seed)
    strip = formed_strip(kind, at, effort.cells, seed)
    tell("pulse width")
    low = strip.copy()
    low.pulse(at.reset_full)
    setting = measure_kinetics(low, _around(low, at.set_step, at.set_full, SET_FACTORS, SET_BELOW))
    resetting = measure_kinetics(
        strip, _around(strip, at.reset_step, at.reset_full, RESET_FACTORS, RESET_BELOW)
    )
    tell("single pulses")
    transitions = measure_transitions(strip.copy(), at.set_step, at.reset_step, effort.pulses, seed)
    tell("LRS and HRS")
    states = measure_states(strip.copy(), at.set_full, at.reset_full, effort.cycles)
    tell("gate-limited SET")
    gates = measure_gates(kind, at, strip, effort.gates, effort.cycles)
    tell("reads")
    reads = measure_reads(kind, at, effort.strips, effort.reads, seeds[2:])
    tell("relaxation and retention")
    relaxation = measure_relaxation(strip, at.set_full, at.reset_full)
    retention = measure_retention(strip, at.set_full, at.reset_full)
    tell("endurance")
    strip.choose(strip.chosen & (np.cumsum(strip.chosen) <= effort.worn))
    endurance = measure_endurance(strip, at.set_full, at.reset_full, effort.most_cycles)
    return DataSheet(
        kind.name, seed, at, loops, forming, setting, resetting, transitions, states, gates,
        reads, spectrum(reads), relaxation, retention, endurance,
    )  # fmt: skip
