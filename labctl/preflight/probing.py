"""Source meters and relays of a bench under test: at most 0.1 V, and always switched cold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager

from labctl.benchfile import BenchFile
from labctl.errors import InstrumentError, LatchedError, LimitError
from labctl.instruments import Flag, Reading
from labctl.preflight.finding import Finding, Outcome
from labctl.safety import Safety, Terminal
from labctl.wiring import Wiring, parse_wiring

TEST_VOLTAGE = 0.1
"""V; nothing is ever driven above it but the gate of a cell, where that is asked for."""
TEST_CURRENT = 1e-6
"""Compliance, A: what flows through two closed relays at most."""
TEST_NPLC = 1.0
"""Integration time, power-line cycles: mains hum is averaged out."""
BLOCK = 24
"""Crosspoints of one move; some mainframes take no more in a message."""
_OWN = {"WL": "word_line", "BL": "bit_line", "SL": "source_line"}
_OWN_PASSIVE = {"WL": "source_line", "BL": "bit_line"}  # there is no gate to drive


class Probing:
    """What a pre-flight may do to a bench, and nothing else.

    Between two calls every level is at 0 V, so that relays move without voltage or current.

    Parameters
    ----------
    file, safety
        The open bench.
    closures
        Counts every closure of a relay, by crosspoint.

    Attributes
    ----------
    pads
        Names of all pads.
    terminals
        Source meters by name, each on a row of the matrix.
    compliance
        A, by terminal.
    findings
        Relays that were not where they had been sent.
    """

    def __init__(self, file: BenchFile, safety: Safety, closures: Counter[str]) -> None:
        self.file, self._safety = file, safety
        self.terminals: dict[str, Terminal] = safety.terminals
        self.matrix = safety.matrix
        self.wiring = Wiring(file, self.matrix)
        self._columns = parse_wiring(file)
        self.pads = list(self._columns)
        self.compliance: dict[str, float] = {}
        self.findings: list[Finding] = []
        self._closures = closures
        self._closed: frozenset[str] = frozenset()
        self._astray: set[str] = set()

    # -- crosspoints -----------------------------------------------------------------------------

    def point(self, row: str, pad: str) -> str:
        """Return the crosspoint of a matrix row and a pad."""
        return self.matrix.crosspoint(row, *self._columns[pad])

    def on(self, terminal: str, pads: Iterable[str]) -> set[str]:
        """Return the crosspoints that put ``pads`` on a source meter."""
        row = self.terminals[terminal].table.row
        return {self.point(row, pad) for pad in pads}

    def grounded(self, pads: Iterable[str]) -> set[str]:
        """Return the crosspoints that put ``pads`` on ground."""
        return {self.point(self.file.matrix.ground, pad) for pad in pads}

    @property
    def transistors(self) -> bool:
        """Whether each cell has one: then no cell conducts while its gate is at 0.1 V."""
        return self.file.array.kind == "1t1r"

    def own(self, pad: str) -> str:
        """Return the terminal that a pad belongs to."""
        return (_OWN if self.transistors else _OWN_PASSIVE)[pad[:2]]

    # -- relays ----------------------------------------------------------------------------------

    def set_up(self) -> Iterator[Finding]:
        """Lift what the matrix itself forbids (a test needs ground on every pad); prepare."""
        self.matrix.forbid(())
        self._prepare()
        yield from ()

    def take_down(self) -> Iterator[Finding]:
        """Have the matrix forbid again what no cell needs; all relays are open."""
        self.matrix.forbid(self.wiring.forbidden)
        yield from ()

    def connect(self, wanted: Collection[str]) -> None:
        """Close these relays and no others, opening first, and read back where they are."""
        self._check_latch()
        target = frozenset(wanted)
        for block in _blocks(sorted(self._closed - target)):
            self.matrix.move(block, ())
        for block in _blocks(sorted(target - self._closed)):
            self.matrix.move((), block)
            self._closures.update(block)
        self._closed = target
        self._verify(self.matrix.closed())

    def _verify(self, present: frozenset[str]) -> None:
        """Note every relay that the matrix reports elsewhere than it was sent, once."""
        for point in sorted((present ^ self._closed) - self._astray):
            self._astray.add(point)
            stuck = point in present
            self.findings.append(
                Finding(
                    "relays read back",
                    f"crosspoint {point}",
                    Outcome.FAIL,
                    f"reported {'closed' if stuck else 'open'} after it was "
                    f"{'opened' if stuck else 'closed'}",
                    "Have the matrix card serviced.",
                )
            )
        self._closed = present

    # -- source meters ---------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Set every source meter up for the test and switch it on, at 0 V."""
        for name in sorted(self.terminals, key=_order):
            terminal = self.terminals[name]
            table, meter = terminal.table, terminal.meter
            limit = min(max(TEST_CURRENT, meter.min_compliance), table.max_current)
            meter.set_limits(voltage=table.max_voltage, current=table.max_current)
            meter.prepare(compliance=limit, nplc=max(TEST_NPLC, table.nplc), current_range=limit)
            meter.output(True)
            self.compliance[name] = limit

    def measure(self, terminal: str, voltage: float = TEST_VOLTAGE) -> Reading:
        """Force at most 0.1 V, measure, return to 0 V.

        Raises
        ------
        LimitError
            Above 0.1 V, or above the terminal's own limit.
        InstrumentError
            Where the reading overflows without being limited by the compliance.
        """
        if not abs(voltage) <= TEST_VOLTAGE:
            raise LimitError(f"A pre-flight drives no more than {TEST_VOLTAGE} V, not {voltage} V.")
        self._check_latch()
        source = self.terminals[terminal]
        source.check_level(voltage, "A pre-flight")
        reading = source.meter.measure(voltage, source.table.settle)
        if reading.flag & Flag.OVERFLOW and not reading.flag & Flag.COMPLIANCE:
            raise InstrumentError(
                f"The reading of {source.label} overflows at {voltage:g} V, and it is not in "
                "compliance. Check its range and its cable; have it serviced."
            )
        return reading

    @contextmanager
    def held(self, terminals: Iterable[str]) -> Iterator[None]:
        """Hold other source meters at 0.1 V for a while."""
        meters = [self.terminals[name].meter for name in terminals]
        try:
            for meter in meters:
                meter.force(TEST_VOLTAGE)
            yield
        finally:
            for meter in meters:
                meter.force(0.0)

    @contextmanager
    def gate_at(self, voltage: float) -> Iterator[None]:
        """Open the gate of the selected cell for a while; the only level above 0.1 V.

        Raises
        ------
        LimitError
            Above the limit of the word line.
        """
        word = self.terminals["word_line"]
        word.check_level(voltage, "A pre-flight")
        try:
            word.meter.force(voltage, word.table.settle)
            yield
        finally:
            word.meter.force(0.0, word.table.settle)

    def _check_latch(self) -> None:
        """Go no further where somebody has stopped the bench, or nobody watches over it.

        Raises
        ------
        LatchedError
            Where the bench was stopped; its outputs are at zero.
        """
        if (reason := self._safety.latched) is not None:
            raise LatchedError(
                f"The bench was stopped ({reason}) while it was being checked. Look at the bench, "
                "then acknowledge (`labctl bench acknowledge`)."
            )
        if self._safety.guard is not None:
            self._safety.guard.check()

    def conducts(self, terminal: str) -> bool:
        """Tell whether a source meter drives as much at 0.1 V as it may: metal, not a chip."""
        reading = self.measure(terminal)
        if reading.flag & (Flag.COMPLIANCE | Flag.RANGE):
            return True
        return abs(reading.current) > 0.5 * self.compliance[terminal]


def _order(terminal: str) -> int:
    """Return when a terminal is switched on: source line, bit line, others, gate last."""
    return {"source_line": 0, "bit_line": 1, "word_line": 3}.get(terminal, 2)


def _blocks(points: Sequence[str]) -> list[Sequence[str]]:
    return [points[k : k + BLOCK] for k in range(0, len(points), BLOCK)]
