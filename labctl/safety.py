"""What stands between a wish and the chip: limits, switching order, emergency stop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isfinite

from labctl.benchfile import BenchFile, TerminalTable
from labctl.errors import LatchedError, LimitError
from labctl.instruments import SourceMeter, SwitchMatrix
from labctl.leaving import signals_held


class Terminal:
    """A source meter on one line of the cell, within the limits of the bench file.

    Attributes
    ----------
    meter
        The channel behind it. Callers outside this module use the checked methods of
        :class:`Safety` instead.
    """

    def __init__(self, name: str, table: TerminalTable, meter: SourceMeter, model: str) -> None:
        self.name, self.table, self.meter = name, table, meter
        self.label = f"{name} ({model}, channel {table.channel})"
        self.max_voltage = min(table.max_voltage, meter.max_voltage)

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
    """

    def __init__(
        self, file: BenchFile, meters: dict[str, SourceMeter], matrix: SwitchMatrix
    ) -> None:
        tables = dict(file.terminals.items())
        self.terminals = {
            name: Terminal(
                name, tables[name], meter, file.instruments[tables[name].instrument].model
            )
            for name, meter in meters.items()
        }
        self.word_line = self.terminals["word_line"]
        self.bit_line = self.terminals["bit_line"]
        self.source_line = self.terminals["source_line"]
        self.matrix = matrix
        self.limits = file.limits
        self.latched: str | None = None
        self.energised = False

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
        if width > self.limits.max_pulse_width:
            raise LimitError(
                f"{purpose} asks for a pulse of {width:g} s; [limits] max_pulse_width is "
                f"{self.limits.max_pulse_width:g} s."
            )

    def check_sweep(
        self, voltages: Sequence[float], gate: float, dwell: float, purpose: str
    ) -> None:
        """Raise LimitError where a sweep (V, V, s a point) is impossible or forbidden."""
        self.word_line.check_level(gate, purpose)
        for voltage in voltages:
            (self.bit_line if voltage >= 0 else self.source_line).check_level(voltage, purpose)
        if not 0.0 <= dwell <= self.limits.max_pulse_width:
            raise LimitError(
                f"{purpose} asks to hold each point for {dwell:g} s; [limits] max_pulse_width is "
                f"{self.limits.max_pulse_width:g} s."
            )

    def ready(self) -> None:
        """Refuse while latched; switch the outputs on at 0 V where they are off."""
        if self.latched is not None:
            raise LatchedError(
                f"The bench was stopped ({self.latched}) and is latched with its outputs at zero. "
                "Look at the bench, then acknowledge (STOP panel of the window, or "
                "bench.acknowledge())."
            )
        if not self.energised:
            self.energised = True
            for terminal in (self.source_line, self.bit_line, self.word_line):
                terminal.prepare()

    def off(self) -> list[str]:
        """Bring the whole bench to zero: bit and source lines, gate, outputs, then relays.

        Every step is tried even where an earlier one fails.

        Returns
        -------
        list of str
            What failed, one line each; empty if all went well.
        """
        faults: list[str] = []

        def attempt(what: str, action: Callable[[], None]) -> None:
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the other outputs must still go to zero
                faults.append(f"{what}: {error}")

        with signals_held():  # a second Ctrl-C waits until the outputs are at zero
            for terminal in (self.bit_line, self.source_line, self.word_line):
                attempt(f"{terminal.label} to zero and off", terminal.meter.off)
            attempt("open all relays", self.matrix.open_all)
            self.energised = False
        return faults

    def stop(self, reason: str) -> list[str]:
        """Emergency stop: as :meth:`off`, then latched until :meth:`acknowledge`."""
        self.latched = reason
        return self.off()

    def acknowledge(self) -> None:
        """Release the latch after a human has looked at the bench."""
        self.latched = None
