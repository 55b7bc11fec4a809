"""What stands between a wish and the chip: limits, switching order, emergency stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isfinite
from pathlib import Path

from labctl.benchfile import BenchFile, TerminalTable
from labctl.coldmatrix import ColdMatrix
from labctl.errors import LatchedError, LimitError
from labctl.guard import Guard
from labctl.guard.latch import read_latch, release_latch, set_latch
from labctl.guard.stages import Step, in_stages
from labctl.guard.zero import Plan, make_safe, part_of
from labctl.instruments import SourceMeter, SwitchMatrix
from labctl.leaving import signals_held
from labctl.limited import LimitedMeter

PATIENCE = 2.0
"""s that an instrument which does not answer may hold up the others on the way to zero."""
_MATRIX = "all mainframes of the matrix"


class Terminal:
    """A source meter on one line of the cell, within the limits of the bench file.

    Attributes
    ----------
    name, label
        As in the bench file, and for people.
    table
        Its part of the bench file.
    longest
        Longest pulse, s.
    """

    def __init__(
        self, name: str, table: TerminalTable, meter: SourceMeter, model: str, longest: float
    ) -> None:
        self.name, self.table = name, table
        self.label = f"{name} ({model}, channel {table.channel})"
        self.longest = longest
        self._meter = LimitedMeter(meter, name, self.label, table, longest)

    @property
    def meter(self) -> LimitedMeter:
        """The channel; it takes nothing beyond the limits."""
        return self._meter

    @property
    def max_voltage(self) -> float:
        """Largest level, V."""
        return self._meter.max_voltage

    def prepare(self) -> None:
        """Write limits and compliance, read them back, and switch on at 0 V."""
        table = self.table
        self.meter.set_limits(voltage=table.max_voltage, current=table.max_current)
        self.meter.prepare(
            compliance=table.compliance, nplc=table.nplc, current_range=table.current_range
        )
        self.meter.output(True)

    def check_level(self, voltage: float, purpose: str) -> None:
        """Raise LimitError unless ``voltage`` (V) is finite and within the limit."""
        if not isfinite(voltage) or abs(voltage) > self.max_voltage:
            raise LimitError(
                f"{purpose} asks for {voltage:g} V on {self.label}, whose limit is "
                f"{self.max_voltage:g} V. Lower the voltage, or raise "
                f"[terminals.{self.name}] max_voltage in the bench file."
            )


class Safety:
    """The only way to the source meters of a bench.

    Parameters
    ----------
    file
        The bench file, for its limits.
    meters
        Source meter per terminal name.
    matrix
        The relays.
    plan
        What second sessions send where the drivers' own cannot be used (labctl.safeplan).
    latch
        File that latches the bench beyond the end of this process; None: this process only.

    Attributes
    ----------
    guard
        The process that takes over should this one die; None where there is none.
    on_moved
        Called where the relays were opened: nobody may rely on where they were.
    """

    def __init__(
        self,
        file: BenchFile,
        meters: dict[str, SourceMeter],
        matrix: SwitchMatrix,
        plan: Plan | None = None,
        latch: Path | None = None,
    ) -> None:
        tables = dict(file.terminals.items())
        self.terminals = {
            name: Terminal(
                name,
                tables[name],
                meter,
                file.instruments[tables[name].instrument].model,
                file.max_pulse_width(name),
            )
            for name, meter in meters.items()
        }
        self.word_line = self.terminals["word_line"]
        self.bit_line = self.terminals["bit_line"]
        self.source_line = self.terminals["source_line"]
        self.matrix = ColdMatrix(matrix, self.terminals)
        self.limits = file.limits
        self.energised = False
        self.guard: Guard | None = None
        self.on_moved: Callable[[], None] | None = None
        self._lines = [t for t in self.terminals.values() if t is not self.word_line]
        self._mainframes = set(file.matrix.mainframes)
        self._stopped: str | None = None
        self._bench, self._plan, self._latch = str(file.path), plan, latch
        self._longest = max(table.timeout for table in file.instruments.values())

    @property
    def latched(self) -> str | None:
        """Why the bench is latched, by this process or by another; None where it is not."""
        if self._stopped is None and self._latch is not None and self._latch.exists():
            record = read_latch(self._latch)
            return None if record is None else str(record.get("reason"))
        return self._stopped

    def check_pulse(
        self, bit_line: float, source_line: float, gate: float, width: float, purpose: str
    ) -> None:
        """Raise LimitError where a pulse (V, V, V, s) is impossible or forbidden."""
        if bit_line != 0.0 and source_line != 0.0:
            raise LimitError(
                f"{purpose} drives bit line and source line at once; set one of them to 0 V."
            )
        self.bit_line.check_level(bit_line, purpose)
        self.source_line.check_level(source_line, purpose)
        self.word_line.check_level(gate, purpose)
        driven = self.bit_line if bit_line != 0.0 else self.source_line
        if not isfinite(width) or width < driven.meter.shortest_pulse:
            raise LimitError(
                f"{purpose} asks for a pulse of {width:g} s; the shortest {driven.label} can make "
                f"is {driven.meter.shortest_pulse:g} s. Use a longer pulse or a pulse generator."
            )
        if width > driven.longest:
            raise LimitError(
                f"{purpose} asks for a pulse of {width:g} s; max_pulse_width is "
                f"{driven.longest:g} s ([limits], or [terminals.{driven.name}])."
            )

    def check_sweep(
        self, voltages: Sequence[float], gate: float, dwell: float, purpose: str
    ) -> None:
        """Raise LimitError where a sweep (V, V, s a point) is impossible or forbidden."""
        self.word_line.check_level(gate, purpose)
        longest = self.limits.max_pulse_width
        for voltage in voltages:
            driven = self.bit_line if voltage >= 0 else self.source_line
            driven.check_level(voltage, purpose)
            longest = min(longest, driven.longest)
        if not 0.0 <= dwell <= longest:
            raise LimitError(
                f"{purpose} asks to hold each point for {dwell:g} s; max_pulse_width is "
                f"{longest:g} s ([limits], or that of a terminal)."
            )

    def ready(self) -> None:
        """Refuse while latched; switch the outputs on at 0 V where they are off."""
        if (reason := self.latched) is not None:
            self.energised = False  # another process may have switched the outputs off
            self._moved()
            raise LatchedError(
                f"The bench was stopped ({reason}) and is latched with its outputs at zero. "
                "Look at the bench, then acknowledge (STOP panel of the window, "
                "bench.acknowledge(), or `labctl bench acknowledge`)."
            )
        if self.guard is not None:
            self.guard.check()
        if not self.energised:
            self.energised = True
            try:
                for terminal in (*reversed(self._lines), self.word_line):
                    terminal.prepare()
            except BaseException as error:
                # Those that are on already must not stay so, nor count as prepared.
                for fault in self.off():
                    error.add_note(f"While bringing the bench to zero: {fault}")
                raise

    def off(self) -> list[str]:
        """Bring the whole bench to zero: bit and source lines, gate, outputs, then relays.

        Every step is tried even where an earlier one fails; an instrument that does not answer
        holds up the others for :data:`PATIENCE` at most. Where a driver cannot do it any more, a
        second session tries.

        Returns
        -------
        list of str
            What failed, one line each; empty if all went well.
        """
        with signals_held():  # a second Ctrl-C waits until the outputs are at zero
            failed = [
                step
                for step in self._own_way(PATIENCE + 3 * self._longest)
                if step.fault is not None
            ]
            self.energised = False
            self._moved()
            if not failed:
                return []
            unsafe = self._second_way(set().union(*(self._instruments(s) for s in failed)))
        return [self._tell(s) for s in failed if self._instruments(s) & unsafe]

    def stop(self, reason: str) -> list[str]:
        """Emergency stop, from any thread: zero, then latched until :meth:`acknowledge`.

        Second sessions do it, so that it waits neither for a thread in the middle of a long
        query nor for the lock of its connection. The drivers' own connections are used for what
        takes no second session.

        Returns
        -------
        list of str
            What failed, one line each; empty if all went well.
        """
        self._stopped = reason
        for terminal in self.terminals.values():
            terminal.meter.stopped = reason
            terminal.meter.lost()
        with signals_held():
            if self._latch is not None:
                with suppress(OSError):  # a full disk must not keep the outputs on
                    set_latch(self._latch, reason, bench=self._bench, by="stop")
            unsafe = self._second_way(None)
            steps = self._own_way(PATIENCE) if unsafe else []
            self.energised = False
            self._moved()
        return [self._tell(s) for s in steps if s.fault and self._instruments(s) & unsafe]

    def acknowledge(self) -> None:
        """Release the latch after a human has looked at the bench."""
        self._stopped = None
        for terminal in self.terminals.values():
            terminal.meter.stopped = None
        if self._latch is not None:
            release_latch(self._latch)

    def _moved(self) -> None:
        """Tell that relays are not where they were."""
        if self.on_moved is not None:
            self.on_moved()

    def _own_way(self, limit: float) -> list[Step]:
        """Go to zero over the drivers' own connections, giving up on one after ``limit`` (s)."""
        steps = [
            Step(t.table.instrument, f"{t.label} to zero and off", t.meter.off)
            for t in (*self._lines, self.word_line)
        ]
        steps.append(Step(_MATRIX, "open all relays", self.matrix.open_all))
        # One at a time, so that nothing but a dead instrument ever changes the order.
        return in_stages([[step] for step in steps], PATIENCE, limit)

    def _second_way(self, names: set[str] | None) -> set[str]:
        """Make instruments (None: all) safe in sessions of their own; return those that failed."""
        if self._plan is None:
            return names if names is not None else set(self._everything)
        plan = self._plan if names is None else part_of(self._plan, names)
        outcomes, _ = make_safe(plan)
        return {outcome.name for outcome in outcomes if not outcome.safe}

    def _instruments(self, step: Step) -> set[str]:
        """Return the instruments that a step of the own way is about."""
        return self._mainframes if step.who == _MATRIX else {step.who}

    @property
    def _everything(self) -> set[str]:
        return self._mainframes | {t.table.instrument for t in self.terminals.values()}

    @staticmethod
    def _tell(step: Step) -> str:
        return f"{step.what}: {step.fault}"
