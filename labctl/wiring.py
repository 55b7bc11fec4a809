"""Cells, pads and crosspoints: which relays connect a cell, and which must move to get there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from labctl.benchfile import BenchFile, fault
from labctl.errors import BenchFileError
from labctl.instruments import SwitchMatrix

_PADS = re.compile(r"^(WL|BL|SL)(\d+)(?:\.\.(\d+))?$")
_COLUMNS = re.compile(r"^(\d+)\.(\d+)(?:\.\.(\d+)\.(\d+))?$")
Column = tuple[int, int]
"""Slot and column of a matrix column, both from 1."""


@dataclass(frozen=True, slots=True)
class Move:
    """Relays to open, then relays to close; crosspoints in the matrix's own notation."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]


def parse_wiring(file: BenchFile) -> dict[str, Column]:
    """Return the matrix column of each pad.

    Raises
    ------
    BenchFileError
        For a pad or column that does not parse, a pad wired twice, two pads on one column, a pad
        the chip does not have or one that is missing; with file and line.
    """
    pads: dict[str, Column] = {}
    for key, value in file.matrix.wiring.items():
        names, columns = _expand(file, key, value)
        for name, column in zip(names, columns, strict=True):
            if name in pads:
                raise _fault(file, key, f"pad {name} is wired twice; keep one of the two entries")
            other = next((pad for pad, taken in pads.items() if taken == column), None)
            if other is not None:
                where = f"{column[0]}.{column[1]}"
                raise _fault(
                    file, key, f"pads {other} and {name} are both on column {where}; move one"
                )
            pads[name] = column
    wanted = pad_names(file)
    for pad in pads:
        if pad not in wanted:
            raise fault(file, ("matrix", "wiring"), f"the chip has no pad {pad}; see [chip]")
    missing = [pad for pad in wanted if pad not in pads]
    if missing:
        shown = ", ".join(missing[:6]) + (" ..." if len(missing) > 6 else "")
        raise fault(file, ("matrix", "wiring"), f"no column is given for {shown}; wire every pad")
    return pads


def pad_names(file: BenchFile) -> list[str]:
    """Return the names of all pads of the chip: WL, BL, SL with their numbers."""
    rows, columns = file.shape
    sources = columns if file.chip.source_lines == "columns" else rows
    return [
        f"{kind}{k}"
        for kind, count in (("WL", rows), ("BL", columns), ("SL", sources))
        for k in range(count)
    ]


class Wiring:
    """The crosspoints of one bench, and the moves between its cells.

    At rest (``None``) every word line is grounded and nothing else is connected. A selected cell
    has its word line on the gate source, its bit line and source line on theirs, and all other
    word lines on ground, never floating.
    """

    def __init__(self, file: BenchFile, matrix: SwitchMatrix) -> None:
        pads = parse_wiring(file)
        self.shape = file.shape
        by_column = file.chip.source_lines == "columns"
        terminals = file.terminals
        rows = (terminals.word_line.row, terminals.bit_line.row, terminals.source_line.row)
        for row in (*rows, file.matrix.ground):
            for pad, (slot, column) in pads.items():
                if not matrix.has(row, slot, column):
                    raise fault(
                        file,
                        ("matrix", "wiring"),
                        f"pad {pad} needs crosspoint row {row}, slot {slot}, column {column}, "
                        "which this matrix does not have",
                    )

        def points(row: str, kind: str, count: int) -> list[str]:
            return [matrix.crosspoint(row, *pads[f"{kind}{k}"]) for k in range(count)]

        self._gate = points(rows[0], "WL", self.shape[0])
        self._ground = points(file.matrix.ground, "WL", self.shape[0])
        self._bit = points(rows[1], "BL", self.shape[1])
        self._source = points(rows[2], "SL", self.shape[1] if by_column else self.shape[0])
        self._by_column = by_column
        everything = [
            matrix.crosspoint(row, *column)
            for row in (*rows, file.matrix.ground)
            for column in pads.values()
        ]
        used = {*self._gate, *self._ground, *self._bit, *self._source}
        self.forbidden = tuple(point for point in everything if point not in used)
        """Crosspoints no cell needs: a source on a pad of another kind."""

    def closed(self, cell: tuple[int, int] | None) -> frozenset[str]:
        """Return the crosspoints that are closed with ``cell`` selected (or at rest)."""
        if cell is None:
            return frozenset(self._ground)
        return frozenset(self._ground) - {self._ground[cell[0]]} | set(self._selected(cell))

    def move(self, here: tuple[int, int] | None, there: tuple[int, int] | None) -> Move:
        """Return the fewest relays that lead from one selected cell (or rest) to another."""
        if here == there:
            return Move((), ())
        old = self._selected(here) if here is not None else ()
        new = self._selected(there) if there is not None else ()
        opened = [point for point in old if point not in new]
        closed = [point for point in new if point not in old]
        if (here is None) or (there is None) or here[0] != there[0]:
            if there is not None:
                opened.append(self._ground[there[0]])
            if here is not None:
                closed.append(self._ground[here[0]])
        return Move(tuple(opened), tuple(closed))

    def _selected(self, cell: tuple[int, int]) -> tuple[str, str, str]:
        i, j = cell
        return self._gate[i], self._bit[j], self._source[j if self._by_column else i]


def _expand(file: BenchFile, key: str, value: str) -> tuple[list[str], list[Column]]:
    """Return the pads and the columns of one wiring entry, of equal length."""
    pads = _PADS.match(key)
    if pads is None:
        raise _fault(file, key, 'is no pad; write "WL3" or "WL0..15" (WL, BL or SL)')
    columns = _COLUMNS.match(value)
    if columns is None:
        raise _fault(file, key, f'{value!r} is no column; write "slot.column" or "1.1..2.4"')
    first, last = int(pads[2]), int(pads[3] or pads[2])
    width = file.matrix.columns_per_slot
    slots = [int(columns[1]), int(columns[3] or columns[1])]
    numbers = [int(columns[2]), int(columns[4] or columns[2])]
    if min(slots) < 1 or min(numbers) < 1 or max(numbers) > width:
        raise _fault(file, key, f"{value!r}: slots count from 1, columns from 1 to {width}")
    start, stop = ((s - 1) * width + n - 1 for s, n in zip(slots, numbers, strict=True))
    if last - first != stop - start or last < first:
        raise _fault(
            file,
            key,
            f"{last - first + 1} pads for {stop - start + 1} columns "
            f"({width} columns a slot); make them equal",
        )
    names = [f"{pads[1]}{k}" for k in range(first, last + 1)]
    return names, [(n // width + 1, n % width + 1) for n in range(start, stop + 1)]


def _fault(file: BenchFile, key: str, text: str) -> BenchFileError:
    return fault(file, ("matrix", "wiring", key), text)
