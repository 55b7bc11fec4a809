"""The checks of a pre-flight, in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from labctl import clock, plugins
from labctl.bench import Bench, check_bench_file
from labctl.benchfile import load_bench_file
from labctl.cells import check_cells
from labctl.connecting import disconnect
from labctl.errors import InstrumentError, LabctlError
from labctl.guard.latch import check_latch
from labctl.instruments import Driver
from labctl.preflight import boxes, contact, leakage, relays
from labctl.preflight.finding import Finding, Outcome, Report
from labctl.preflight.probing import Probing
from labctl.rendezvous import PROGRAM, claim, latch_file

Progress = Callable[[str, int, int], None]
"""Told what is being checked, how much of it is done, and of how much."""
ZERO = "outputs at zero"
WEAR = "wear"
Cell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a pre-flight is to do besides the ordinary.

    Attributes
    ----------
    cell
        A cell known to conduct; None: the one of the bench file, if it names one.
    gate
        Whether the gate of one cell at a time may be opened (to the gate of a read). Bit and
        source lines stay at 0.1 V.
    """

    cell: Cell | None = None
    gate: bool = False


def preflight(
    path: str | Path, wishes: Wishes | None = None, progress: Progress | None = None
) -> Report:
    """Check a bench from its cables to its pads, and leave it at zero.

    No terminal is driven above 0.1 V (but gates, where that is wished for); relays only move
    while every level is at 0 V. A fault of one instrument does not keep the others from being
    asked; a fault that makes a later check meaningless has that one left out.

    Raises
    ------
    BenchFileError
        For a fault of the file.
    EngineError
        Where another program has the bench open.
    LatchedError
        Where the bench was stopped in an emergency and nobody has acknowledged it.
    WiringError
        For a cell that the chip does not have.
    """
    file = load_bench_file(path)
    plugins.add_workspace(file.path.parent)
    modules = check_bench_file(file)
    wishes = wishes or Wishes()
    check_cells([] if wishes.cell is None else [wishes.cell], file.shape)
    tell = progress or _quietly
    report = Report(file.bench.name, str(file.path), file.chip.name, file.shape)
    if not clock.is_simulated(file.visa_library):
        check_latch(latch_file(file.path), str(file.path))
    right = claim(file.path, PROGRAM)
    start = clock.for_visa(file.visa_library).now()
    drivers: dict[str, Driver] = {}
    handed = False
    try:
        tell(boxes.IDENTITY, 0, 1)
        report.findings += boxes.connect_all(file, modules, drivers)
        if report.ok:
            report.findings += boxes.errors(drivers, before=True)
        if report.ok:
            try:
                bench = Bench(file, drivers, right)
            except InstrumentError as error:
                report.findings.append(_not_at_zero(error))
            else:
                handed = True
                _fly(bench, drivers, report, wishes, tell)
    finally:
        if not handed:
            disconnect(drivers)
            right.release()
    report.bench_time = clock.for_visa(file.visa_library).now() - start
    return report


def _fly(
    bench: Bench, drivers: dict[str, Driver], report: Report, wishes: Wishes, tell: Progress
) -> None:
    """Check an open bench and close it; what keeps it from going to zero is a finding too."""
    try:
        with bench:
            _Flight(bench, drivers, report, wishes, tell).go()
    except InstrumentError as error:
        if not report.failed_of(ZERO):  # else it has been said
            report.findings.append(_not_at_zero(error))


class _Flight:
    """The checks of an open bench."""

    def __init__(
        self,
        bench: Bench,
        drivers: dict[str, Driver],
        report: Report,
        wishes: Wishes,
        tell: Progress,
    ) -> None:
        self._bench, self._drivers, self._wishes, self._tell = bench, drivers, wishes, tell
        self._report, self._file = report, bench.file
        self._faulty: set[str] = set()
        table = self._file.preflight
        self._leakage = table.leakage
        self._cell = wishes.cell or table.known_good
        self._expected = table.conductance

    def go(self) -> None:
        """Do all checks; those after one that broke off are left out, and the report says so."""
        terminals = self._bench.safety.terminals
        self._do(ZERO, self._zero())
        self._do(boxes.SELF_TEST, boxes.self_tests(self._drivers))
        self._do(boxes.CARDS, boxes.cards(self._drivers))
        self._do(boxes.INTERLOCK, boxes.interlocks(terminals))
        self._do(boxes.FREQUENCY, boxes.frequencies(terminals))
        open_ones = {finding.subject for finding in self._report.failed_of(boxes.INTERLOCK)}
        self._do(boxes.LIMITS, boxes.limits(terminals, open_ones))
        self._off()
        if self._report.ok:
            self._electrical()
        else:
            text = "an instrument failed above: relays and pads are left alone"
            self._add(Finding("relays and pads", "bench", Outcome.SKIPPED, text))
        self._do(WEAR, self._wear())
        self._do(boxes.ERRORS, boxes.errors(self._drivers, before=False))

    def _zero(self) -> Iterable[Finding]:
        closed = sorted(self._bench.safety.matrix.closed())
        if closed:
            cure = "Have the matrix card serviced."
            seen = f"relays still reported closed: {', '.join(closed)}"
            yield Finding(ZERO, "bench", Outcome.FAIL, seen, cure)
        else:
            yield Finding(ZERO, "bench", Outcome.PASS, "outputs off, all relays reported open")

    def _wear(self) -> Iterable[Finding]:
        """Ask the matrix for its own count of closures; tell what is worn."""
        wear = self._bench.wear
        if not wear.kept:
            return
        matrix = self._bench.safety.matrix
        counted = matrix.closures(sorted(self._bench.array.closures))
        wear.save()
        wear.put_own(counted or {})
        said = wear.worn(self._file.limits.pulses_per_cell)
        for text in said:
            cure = "See `labctl bench wear`; have a worn card replaced."
            yield Finding(WEAR, "bench", Outcome.WARNING, text, cure)
        if not said:
            yield Finding(WEAR, "bench", Outcome.PASS, "all relays and cells below 80 % of life")

    def _electrical(self) -> None:
        """Check relays and pads; nothing is left connected, whatever happens."""
        probing = Probing(self._file, self._bench.safety, self._bench.array.closures)
        try:
            ready = self._do("set-up", probing.set_up())
            for check, findings in self._steps(probing) if ready else ():
                if not self._do(check, findings):
                    text = "the check before it broke off: what follows it was left out"
                    self._add(Finding("relays and pads", "bench", Outcome.SKIPPED, text))
                    break
        finally:
            self._off()
            self._do("set-up", probing.take_down())
            self._report.findings += probing.findings

    def _steps(self, probing: Probing) -> Iterable[tuple[str, Iterable[Finding]]]:
        faulty = self._faulty
        yield leakage.ROWS, leakage.rows(probing, self._leakage)
        yield relays.WELDED, relays.welded(probing, faulty)
        yield relays.BROKEN, relays.broken(probing, faulty, self._count(relays.BROKEN, probing))
        count = self._count(leakage.CONTACT, probing)
        if not probing.transistors:
            yield leakage.CONTACT, leakage.through_cells(probing, faulty, count)
            return
        pads = self._count(leakage.PADS, probing)
        yield leakage.PADS, leakage.pads(probing, faulty, self._leakage, pads)
        if not self._wishes.gate:
            yield leakage.CONTACT, contact.undecided(probing)
            yield contact.KNOWN_GOOD, contact.unread(self._cell)
            return
        if faulty:  # a gate is opened, and a cell connected, with sound relays only
            yield leakage.CONTACT, contact.unsafe(probing)
            return
        contacts = contact.Contacts(probing)
        yield leakage.CONTACT, contacts.findings(self._cell, count)
        if self._cell is not None:
            known = contact.known_good(probing, self._cell, self._expected, contacts.gate)
            yield contact.KNOWN_GOOD, known

    def _do(self, check: str, findings: Iterable[Finding]) -> bool:
        """Take up the findings of a check; one that breaks off is a finding, and False."""
        self._tell(check, 0, 1)
        try:
            for finding in findings:
                self._add(finding)
        except LabctlError as error:
            cure = "Cure this first, then check again."
            self._add(Finding(check, "bench", Outcome.FAIL, str(error), cure))
            return False
        self._tell(check, 1, 1)
        return True

    def _off(self) -> None:
        try:
            self._bench.off()
        except InstrumentError as error:
            self._add(_not_at_zero(error))

    def _add(self, finding: Finding) -> None:
        self._report.findings.append(finding)

    def _count(self, check: str, probing: Probing) -> Callable[[int], None]:
        total = len(probing.pads)
        return lambda done: self._tell(check, min(done, total), total)


def _not_at_zero(error: InstrumentError) -> Finding:
    cure = "Switch the outputs off by hand; check the instrument."
    return Finding(ZERO, "bench", Outcome.FAIL, str(error), cure)


def _quietly(check: str, done: int, total: int) -> None:
    """Tell nobody."""
