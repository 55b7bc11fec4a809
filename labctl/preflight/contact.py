"""Whether the pads make contact with the chip, and a known-good cell.

With every terminal at 0.1 V or below, the transistor of each cell is off, and neither its gate
nor its junctions carry a direct current that a source meter sees: contact of a pad then cannot be
told. With the gate of one cell at a time opened (asked for by the user), a current of that cell
proves its word line, bit line and source line.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from labctl.array import READ_GATE
from labctl.preflight.finding import Finding, Outcome
from labctl.preflight.leakage import CONTACT, CONTACT_CURRENT
from labctl.preflight.probing import TEST_VOLTAGE, Probing
from labctl.quantity import show

KNOWN_GOOD = "known-good cell"
TRIES = 4
"""Cells of a pad that must carry nothing before the pad is held to make no contact."""
Cell = tuple[int, int]


def undecided(probing: Probing) -> Iterator[Finding]:
    """Say for each pad that its contact cannot be told without opening gates."""
    for pad in probing.pads:
        yield Finding(
            CONTACT,
            f"pad {pad}",
            Outcome.UNDECIDED,
            f"not decidable at {TEST_VOLTAGE} V: the transistors are off",
            "`labctl bench check --gate` opens the gates of cells, one at a time.",
        )


def unsafe(probing: Probing) -> Iterator[Finding]:
    """Say for each pad that no gate was opened, because relays are faulty."""
    for pad in probing.pads:
        seen = "no gate is opened while a relay is faulty"
        yield Finding(CONTACT, f"pad {pad}", Outcome.SKIPPED, seen)


def unread(cell: Cell | None) -> Iterator[Finding]:
    """Say of a known-good cell, if there is one, that it can only be read with its gate open."""
    if cell is not None:
        yield Finding(
            KNOWN_GOOD,
            f"cell ({cell[0]}, {cell[1]})",
            Outcome.UNDECIDED,
            f"not decidable at {TEST_VOLTAGE} V: its transistor is off",
            "`labctl bench check --gate` reads it.",
        )


class Contacts:
    """The search for a conducting cell on every pad.

    Parameters
    ----------
    probing
        The bench; its relays are sound.
    """

    def __init__(self, probing: Probing) -> None:
        self._probing = probing
        self._rows, self._columns = probing.file.shape
        self._by_column = probing.file.chip.source_lines == "columns"
        self._tried: set[Cell] = set()
        self._carrying: set[str] = set()
        self._silent: Counter[str] = Counter()  # cells that carried nothing, all else being proven
        self.gate = min(READ_GATE, probing.terminals["word_line"].max_voltage)

    def pads_of(self, cell: Cell) -> tuple[str, str, str]:
        """Return the pads of a cell."""
        row, column = cell
        return f"WL{row}", f"BL{column}", f"SL{column if self._by_column else row}"

    def findings(self, first: Cell | None, progress: Callable[[int], None]) -> Iterator[Finding]:
        """Look for a conducting cell on each pad, beginning with one that is known to conduct."""
        for cell in self._plan(first):
            if not self._carrying.issuperset(self.pads_of(cell)):
                self._try(cell)
            progress(len(self._carrying))
        for pad in [pad for pad in self._probing.pads if pad not in self._carrying]:
            for cell in self._cells_of(pad):
                if pad in self._carrying or self._silent[pad] >= TRIES:
                    break
                self._try(cell)
        for pad in self._probing.pads:
            yield self._verdict(pad)

    def _plan(self, first: Cell | None) -> list[Cell]:
        """Return the fewest cells that touch every pad."""
        rows, columns = self._rows, self._columns
        known = [] if first is None else [first]
        return known + [(k % rows, k % columns) for k in range(max(rows, columns))]

    def _cells_of(self, pad: str) -> list[Cell]:
        """Return cells of a pad, those whose other pads are proven first."""
        kind, number = pad[:2], int(pad[2:])
        along_row = kind == "WL" or (kind == "SL" and not self._by_column)
        if along_row:
            cells = [(number, column) for column in range(self._columns)]
        else:
            cells = [(row, number) for row in range(self._rows)]
        cells.sort(key=lambda cell: len(set(self.pads_of(cell)) - self._carrying))
        return cells[: 2 * TRIES]

    def _try(self, cell: Cell) -> None:
        pads = self.pads_of(cell)
        if cell in self._tried:
            return
        self._tried.add(cell)
        if self._conducts(cell):
            self._carrying.update(pads)
            return
        missing = [pad for pad in pads if pad not in self._carrying]
        if len({pad[2:] for pad in missing}) == 1:  # one pad, or two that always go together
            self._silent.update(missing)

    def _conducts(self, cell: Cell) -> bool:
        probing = self._probing
        probing.connect(probing.wiring.closed(cell))
        shut = probing.measure("bit_line")
        with probing.gate_at(self.gate):
            opened = probing.measure("bit_line")
        if opened.flag:
            return not shut.flag
        return abs(opened.current) - abs(shut.current) > CONTACT_CURRENT

    def _verdict(self, pad: str) -> Finding:
        subject = f"pad {pad}"
        if pad in self._carrying:
            seen = f"a cell of it conducts with its gate at {self.gate:g} V"
            return Finding(CONTACT, subject, Outcome.PASS, seen)
        if self._silent[pad] >= TRIES:
            return Finding(
                CONTACT,
                subject,
                Outcome.FAIL,
                f"{self._silent[pad]} cells carry nothing with the gate at {self.gate:g} V, while "
                "other lines of the chip conduct",
                "Set the needles down again; look at this pad under the microscope.",
            )
        return Finding(
            CONTACT,
            subject,
            Outcome.UNDECIDED,
            f"no cell of it carries {show(CONTACT_CURRENT, 'A')} at {TEST_VOLTAGE} V",
            "Form a cell, or name one that conducts: [preflight] known_good, or --cell.",
        )


def known_good(
    probing: Probing, cell: Cell, expected: tuple[float, float] | None, gate: float
) -> Iterator[Finding]:
    """Read a cell that is known to conduct, at 0.1 V and with its gate open."""
    probing.connect(probing.wiring.closed(cell))
    for name in ("source_line", "bit_line"):
        probing.terminals[name].prepare()  # with the compliance and range of a measurement
    with probing.gate_at(gate):
        reading = probing.measure("bit_line")
    subject = f"cell ({cell[0]}, {cell[1]})"
    low, high = expected or (CONTACT_CURRENT / TEST_VOLTAGE, float("inf"))
    conductance = reading.current / TEST_VOLTAGE
    bounds = f"{show(low, 'S')} or more" if high == float("inf") else f"{show(low, 'S')} to "
    bounds += "" if high == float("inf") else show(high, "S")
    if reading.flag:
        seen = f"limited by compliance or range at {TEST_VOLTAGE} V, expected {bounds}"
    else:
        seen = f"{show(conductance, 'S')} at {TEST_VOLTAGE} V, expected {bounds}"
    if not reading.flag and low <= conductance <= high:
        yield Finding(KNOWN_GOOD, subject, Outcome.PASS, seen)
    else:
        cure = "Set the needles down again, or name another cell in [preflight] known_good."
        yield Finding(KNOWN_GOOD, subject, Outcome.FAIL, seen, cure)
