"""When things happen on a simulated bench, and between which limits, without its instruments.

Every message to a box, every level, reading and move of relays costs bench time that depends on
the bench file alone. An array that is driven directly spends the same times in the same order, so
that a cell relaxes, drifts and flickers just as long between two visits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.array import Pulse, Timing
from labctl.errors import LimitError
from labctl.sim.instruments import MODELS
from labctl.sim.instruments.keithley707b import SETTLING
from labctl.sim.instruments.smu import LEVEL_TIME, MEASURE_TIME, OUTPUT_TIME
from labctl.sim.instruments.smu_models import OVERRANGE, SmuModel
from labctl.sim.tsp.box import TspBox

_LINE_FREQUENCY = 50.0  # Hz, of the simulated source meters
_SHORTEST_PULSE = 1e-4  # s, by script
_SCRIPT_LINES = 7  # functions loaded into each channel
_FORBIDDEN_AT_ONCE = 20  # crosspoints named in one message
_NPLC, _SETTLE = 0.1, 2e-4  # where the bench file says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Durations, all in s, in the order in which one visit to a cell spends them.

    A visit is: relays; gate; pulse and read, or one of them; gate to zero. Each of these is one
    message and its answer. The defaults are those of the simulated bench that comes with labctl.

    Attributes
    ----------
    message, answer
        Of a message to an instrument, and of its answer.
    relays
        One step of relays; a move opens some, then closes others.
    level
        A change of level.
    word_settle, bit_settle
        Waited at the gate, and before a reading of the bit line.
    bit_integration, source_integration
        Of a reading of the bit line, and of the source line (in a sweep).
    conversion
        Of a reading besides its integration.
    output
        Switching an output.
    opening
        What opening the bench spends, one after the other.
    """

    message: float = TspBox.message_time
    answer: float = TspBox.answer_time
    relays: float = SETTLING
    level: float = LEVEL_TIME
    word_settle: float = 1e-4
    bit_settle: float = 1e-4
    bit_integration: float = 0.01 / _LINE_FREQUENCY
    source_integration: float = 0.01 / _LINE_FREQUENCY
    conversion: float = MEASURE_TIME
    output: float = OUTPUT_TIME
    opening: tuple[float, ...] = ()

    @property
    def preparing(self) -> tuple[float, ...]:
        """What settings and outputs of the three source meters take before the first visit, s."""
        query = (self.message, self.answer)
        settings = (self.message, self.level, self.level, *query * 2)
        on = (self.message, self.level, self.output, self.answer)
        return (*settings, *on) * 3

    @property
    def loading(self) -> tuple[float, ...]:
        """What loading the move function into the matrix takes before its first move, s."""
        return (self.message, self.message, self.message, self.answer)

    @property
    def asking(self) -> tuple[float, ...]:
        """What asking the matrix for its closed relays takes, s."""
        return (self.message, self.answer)

    @property
    def moving(self) -> tuple[float, ...]:
        """What moving the relays from one cell to another takes, s."""
        return (self.message, self.relays, self.relays, self.answer)

    @property
    def ending(self) -> tuple[float, ...]:
        """What three outputs to zero and off, then all relays open, take after an error, s."""
        off = (self.message, self.level, self.output, self.answer)
        return (*off * 3, self.message, self.relays, self.answer)

    @property
    def ending_at_rest(self) -> tuple[float, ...]:
        """The same where no relay is closed yet, s."""
        return (*self.ending[:-2], self.answer)

    @property
    def timing(self) -> Timing:
        """The bench time of one operation."""
        query = self.message + self.answer
        move = query + 2 * self.relays
        around = move + 2 * (query + self.level + self.word_settle)
        bit = query + 2 * self.level
        read = bit + self.bit_settle + self.bit_integration + self.conversion
        return Timing(read=around + read, pulse=around + bit, move=move)

    @classmethod
    def of_bench(cls, file: Mapping[str, Any]) -> Timeline:
        """Return the times of a bench, given what its file says."""
        tables = file["terminals"]
        word, bit, source = (tables[name] for name in ("word_line", "bit_line", "source_line"))
        return cls(
            relays=float(file.get("simulation", {}).get("relay_settling", SETTLING)),
            word_settle=float(word.get("settle", _SETTLE)),
            bit_settle=float(bit.get("settle", _SETTLE)),
            bit_integration=float(bit.get("nplc", _NPLC)) / _LINE_FREQUENCY,
            source_integration=float(source.get("nplc", _NPLC)) / _LINE_FREQUENCY,
            opening=_opening(file),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a cell may be given, and where the source meters hold on. By default, anything.

    Attributes
    ----------
    bit_line, source_line, gate
        V, largest level of each line.
    shortest, longest
        s, of a pulse.
    pulses_per_cell
        Pulses a cell may get.
    bit_compliance, source_compliance
        A; more current does not flow.
    bit_reaction, source_reaction
        s until its compliance holds.
    bit_range, source_range
        A; a reading beyond its range is an overflow and no number.
    """

    bit_line: float = inf
    source_line: float = inf
    gate: float = inf
    shortest: float = 0.0
    longest: float = inf
    pulses_per_cell: float = inf
    bit_compliance: float = inf
    source_compliance: float = inf
    bit_reaction: float = 0.0
    source_reaction: float = 0.0
    bit_range: float = inf
    source_range: float = inf

    @classmethod
    def of_bench(cls, file: Mapping[str, Any]) -> Limits:
        """Return the limits of a bench, given what its file says."""
        tables, limits = file["terminals"], file.get("limits", {})
        models = {
            name: MODELS[file["instruments"][table["instrument"]]["model"]]
            for name, table in tables.items()
        }
        most = {
            name: min(float(table["max_voltage"]), models[name].max_voltage)
            for name, table in tables.items()
        }
        bit, source = tables["bit_line"], tables["source_line"]
        return cls(
            bit_line=most["bit_line"],
            source_line=most["source_line"],
            gate=most["word_line"],
            shortest=_SHORTEST_PULSE,
            longest=float(limits.get("max_pulse_width", 1.0)),
            pulses_per_cell=int(limits.get("pulses_per_cell", 1_000_000)),
            bit_compliance=float(bit["compliance"]),
            source_compliance=float(source["compliance"]),
            bit_reaction=models["bit_line"].reaction,
            source_reaction=models["source_line"].reaction,
            bit_range=_readable(models["bit_line"], float(bit["current_range"])),
            source_range=_readable(models["source_line"], float(source["current_range"])),
        )

    def check_level(self, line: str, voltage: float) -> None:
        """Raise LimitError unless ``voltage`` (V) is finite and within the limit of ``line``."""
        most = getattr(self, line)
        if not isfinite(voltage) or abs(voltage) > most:
            raise LimitError(
                f"{voltage:g} V on the {line.replace('_', ' ')}: give a finite voltage of at most "
                f"{most:g} V, or raise the limit of the array."
            )

    def check_sweep(self, voltages: NDArray[np.float64], gate: float, dwell: float) -> None:
        """Raise LimitError where a sweep (V, V, s a point) is impossible or beyond a limit."""
        self.check_level("gate", gate)
        negative = voltages < 0.0
        for line, levels in (
            ("bit_line", voltages[~negative]),
            ("source_line", voltages[negative]),
        ):
            if levels.size:
                self.check_level(line, float(levels[np.argmax(abs(levels))]))
        if not 0.0 <= dwell < inf or dwell > self.longest:
            raise LimitError(
                f"A sweep that holds each point for {dwell:g} s: give a time of 0 s or more, at "
                f"most {self.longest:g} s."
            )

    def check_pulse(self, pulse: Pulse) -> None:
        """Raise LimitError where a pulse is impossible or beyond a limit."""
        if pulse.bit_line != 0.0 and pulse.source_line != 0.0:
            raise LimitError(
                "A pulse drives bit line and source line at once; set one of them to 0 V."
            )
        self.check_level("bit_line", pulse.bit_line)
        self.check_level("source_line", pulse.source_line)
        self.check_level("gate", pulse.gate)
        width = pulse.width
        if not isfinite(width) or width <= 0.0 or not self.shortest <= width <= self.longest:
            raise LimitError(
                f"A pulse of {width:g} s: give a width above zero, from {self.shortest:g} s to "
                f"{self.longest:g} s."
            )


def numbers(times: Timeline, limits: Limits) -> dict[str, float]:
    """Return what :class:`labctl.sim.chip.visits.Visits` wants to know of a bench, by name."""
    by_bit = limits.bit_compliance <= limits.source_compliance
    return {
        "message": times.message,
        "answer": times.answer,
        "relays": times.relays,
        "level": times.level,
        "word_settle": times.word_settle,
        "bit_settle": times.bit_settle,
        "bit_reading": times.bit_integration + times.conversion,
        "source_reading": times.source_integration + times.conversion,
        "bit_limit": limits.bit_compliance,
        "source_limit": limits.source_compliance,
        "bit_range": limits.bit_range,
        "source_range": limits.source_range,
        "reaction": (limits.source_reaction, limits.bit_reaction)[by_bit],
    }


def _readable(model: SmuModel, wanted: float) -> float:
    """Return the largest current (A) that shows on the range that holds ``wanted`` (A)."""
    ranges = model.measure_current_ranges
    used = next((upper for upper in ranges if upper >= wanted / OVERRANGE), ranges[-1])
    return used * (OVERRANGE + 0.01)


def _opening(file: Mapping[str, Any]) -> tuple[float, ...]:
    """Return what connecting, loading, switching off and forbidding take."""
    message, answer = TspBox.message_time, TspBox.answer_time
    query = (message, answer)
    loading = ((message,) * _SCRIPT_LINES + query * 2) * 3
    off = (message, LEVEL_TIME, answer) * 3 + query
    chip = file["chip"]
    rows, columns = int(chip["rows"]), int(chip["columns"])
    sources = rows if chip.get("source_lines", "columns") == "rows" else columns
    used = 2 * rows + columns + sources  # word lines have two crosspoints, the others one
    forbidden = 4 * (rows + columns + sources) - used
    forbidding = query + (message,) * ceil(forbidden / _FORBIDDEN_AT_ONCE) + query
    return query * len(file["instruments"]) + loading + off + forbidding
