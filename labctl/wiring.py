"""Cells, pads and crosspoints: which relays connect a cell, and which must move to get there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labctl.benchfile import BenchFile, fault
from labctl.instruments import SwitchMatrix
from labctl.matrices import SLOTS

_PADS = re.compile(r"^(WL|BL|SL)(\d+)(?:\.\.(\d+))?$")
_COLUMN = re.compile(
    r"""^(?: (?P<slot>\d{1,4}) \. (?P<column>\d{1,4})                   # 2.4
      | (?P<panel_slot>\d{1,4}) (?P<row>[A-Z]) (?P<panel_column>\d{1,4})  # 2A04
      | (?P<frame_row>[A-Z]) (?P<frame_column>\d{1,4}) )$               # A16""",
    re.VERBOSE,
)
Column = tuple[int, int]
"""Slot and column of a matrix column, both from 1; the slots of further mainframes count on as
:data:`labctl.matrices.SLOTS` says."""
_Line = tuple[str, str | None]
"""Crosspoint of a line of the chip while it is selected, and the one while it is not, if any."""


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
    taken: dict[Column, str] = {}
    wanted = pad_names(file)
    known = set(wanted)
    for key, mainframe, value in _entries(file):
        names, columns = _expand(file, key, mainframe, value)
        for name, column in zip(names, columns, strict=True):
            if name in pads:
                raise fault(file, key, f"pad {name} is wired twice; keep one of the two entries")
            if name not in known:
                raise fault(file, key, f"the chip has no pad {name}; see [chip]")
            if column in taken:
                raise fault(
                    file,
                    key,
                    f"pads {taken[column]} and {name} are both on column {_place(file, column)}; "
                    "move one",
                )
            pads[name] = column
            taken[column] = name
    missing = [pad for pad in wanted if pad not in pads]
    if missing:
        shown = ", ".join(missing[:6]) + (" ..." if len(missing) > 6 else "")
        raise fault(file, ("matrix", "wiring"), f"no column is given for {shown}; wire every pad")
    return pads


def pad_names(file: BenchFile) -> list[str]:
    """Return the names of all pads of the chip: WL, BL, SL with their numbers."""
    rows, columns = file.shape
    sources = {"columns": columns, "rows": rows, "none": 0}[file.chip.source_lines]
    return [
        f"{kind}{k}"
        for kind, count in (("WL", rows), ("BL", columns), ("SL", sources))
        for k in range(count)
    ]


class Wiring:
    """The crosspoints of one bench, and the moves between its cells.

    A selected cell of 1T1R kind has its word line on the gate source, its bit line and source
    line on theirs. All other word lines are on ground, never floating, and with
    ``[array] inhibit = "bias"`` all other bit lines are on the inhibit source.

    In a passive array the source of the source line drives the selected word line. With
    ``inhibit = "half"`` all other lines are on ground; with ``"third"`` other word lines are,
    and other bit lines on the inhibit source; without, they float.

    At rest (``None``) every line is where it is when it is not selected.
    """

    def __init__(self, file: BenchFile, matrix: SwitchMatrix) -> None:
        pads = parse_wiring(file)
        self.shape = rows, columns = file.shape
        self._by_column = file.chip.source_lines == "columns"
        self._passive = file.array.kind == "passive"
        terminals, inhibit = file.terminals, file.array.inhibit
        every = [table.row for _, table in terminals.items()] + [file.matrix.ground]
        for row in every:
            for pad, column in pads.items():
                if not matrix.has(row, *column):
                    raise fault(
                        file,
                        ("matrix", "wiring"),
                        f"pad {pad} needs crosspoint row {row}, {_place(file, column, True)}, "
                        "which this matrix does not have",
                    )
        word_rest: str | None = file.matrix.ground
        bit_rest: str | None = None
        if self._passive and inhibit == "none":
            word_rest = None
        elif inhibit == "half":
            bit_rest = file.matrix.ground
        elif inhibit != "none" and terminals.inhibit is not None:
            bit_rest = terminals.inhibit.row
        driver = terminals.source_line if self._passive else terminals.word_line

        def lines(kind: str, count: int, row: str, rest: str | None) -> list[_Line]:
            return [
                (
                    matrix.crosspoint(row, *pads[f"{kind}{k}"]),
                    None if rest is None else matrix.crosspoint(rest, *pads[f"{kind}{k}"]),
                )
                for k in range(count)
            ]

        sources = 0 if self._passive else columns if self._by_column else rows
        self._word = lines("WL", rows, driver.row, word_rest)
        self._bit = lines("BL", columns, terminals.bit_line.row, bit_rest)
        self._source = lines("SL", sources, terminals.source_line.row, None)
        used = {point for line in (*self._word, *self._bit, *self._source) for point in line}
        self._rest = frozenset(
            rest for _, rest in (*self._word, *self._bit, *self._source) if rest is not None
        )
        self.columns = [
            tuple(matrix.crosspoint(row, *column) for row in every) for column in pads.values()
        ]
        """Crosspoints of each pad, one for each source and one for ground."""
        self.forbidden = tuple(
            point for row in zip(*self.columns, strict=True) for point in row if point not in used
        )
        """Crosspoints no cell needs: a source on a pad of another kind."""

    def closed(self, cell: tuple[int, int] | None) -> frozenset[str]:
        """Return the crosspoints that are closed with ``cell`` selected (or at rest)."""
        if cell is None:
            return self._rest
        lines = self._selected(cell)
        return self._rest - {rest for _, rest in lines} | {point for point, _ in lines}

    def move(self, here: tuple[int, int] | None, there: tuple[int, int] | None) -> Move:
        """Return the fewest relays that lead from one selected cell (or rest) to another."""
        if here == there:
            return Move((), ())
        old = self._selected(here) if here is not None else ()
        new = self._selected(there) if there is not None else ()
        left = [line for line in old if line not in new]
        reached = [line for line in new if line not in old]
        opened = [point for point, _ in left]
        opened += [rest for _, rest in reached if rest is not None]
        closed = [point for point, _ in reached]
        closed += [rest for _, rest in left if rest is not None]
        return Move(tuple(opened), tuple(closed))

    def steps(self) -> tuple[int, int, int]:
        """Return how many relays close when the word line changes, the bit line, or both.

        At least 1 each, also where the chip has only one line of a kind.
        """
        down, right = min(1, self.shape[0] - 1), min(1, self.shape[1] - 1)
        row, column, both = (
            len(self.move((0, 0), there).closed) or 1
            for there in ((down, 0), (0, right), (down, right))
        )
        return row, column, both

    def frames(self) -> int:
        """Return how many mainframes take part in a step to the next bit line."""
        move = self.move((0, 0), (0, min(1, self.shape[1] - 1)))
        return len({point.rpartition(":")[0] for point in (*move.opened, *move.closed)}) or 1

    def _selected(self, cell: tuple[int, int]) -> tuple[_Line, ...]:
        i, j = cell
        if self._passive:
            return self._word[i], self._bit[j]
        return self._word[i], self._bit[j], self._source[j if self._by_column else i]


def _entries(file: BenchFile) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """Yield key, mainframe and columns of each entry of ``[matrix.wiring]``."""
    mainframes = file.matrix.mainframes
    top = ("matrix", "wiring")
    entries: list[tuple[tuple[str, ...], str]] = []
    for key, value in file.matrix.wiring.items():
        if isinstance(value, str):
            entries.append(((*top, key), value))
        else:
            entries += [((*top, key, pads), f"{key}:{text}") for pads, text in value.items()]
    for place, text in entries:
        name, colon, columns = text.rpartition(":")
        if colon and name not in mainframes:
            listed = ", ".join(mainframes)
            raise fault(
                file, place, f"{name!r} is no mainframe; [matrix] instrument names {listed}"
            )
        yield place, name or mainframes[0], columns


def _expand(
    file: BenchFile, key: tuple[str, ...], mainframe: str, value: str
) -> tuple[list[str], list[Column]]:
    """Return the pads and the columns of one wiring entry, of equal length."""
    pads = _PADS.match(key[-1])
    if pads is None:
        raise fault(file, key, 'is no pad; write "WL3" or "WL0..15" (WL, BL or SL)')
    width = file.matrix.width(mainframe)
    ends = [_column(file, key, end, width) for end in value.split("..", 1)]
    if len({row for row, _ in ends}) > 1:
        raise fault(
            file,
            key,
            f"{value!r}: both ends of a range are written alike, with one row letter or none",
        )
    start, stop = ends[0][1], ends[-1][1]
    first, last = int(pads[2]), int(pads[3] or pads[2])
    if last - first != stop - start or last < first:
        raise fault(
            file,
            key,
            f"{last - first + 1} pads for {stop - start + 1} columns "
            f"({width} columns a slot); make them equal",
        )
    offset = SLOTS * file.matrix.mainframes.index(mainframe)
    names = [f"{pads[1]}{k}" for k in range(first, last + 1)]
    return names, [(offset + n // width + 1, n % width + 1) for n in range(start, stop + 1)]


def _column(file: BenchFile, key: tuple[str, ...], text: str, width: int) -> tuple[str | None, int]:
    """Return row letter, if any, and number (from 0, over all slots) of a column."""
    match = _COLUMN.match(text)
    if match is None:
        raise fault(
            file,
            key,
            f'{text!r} is no column; write "2.4" (slot.column), "2A04" (slot, row, column) or '
            '"A16" (row, column of the mainframe), or a range of one of them, "1.1..2.4"',
        )
    row = match["row"] or match["frame_row"]
    if match["frame_column"]:
        slot, column = divmod(int(match["frame_column"]) - 1, width)
        slot, column = slot + 1, column + 1
    else:
        slot = int(match["slot"] or match["panel_slot"])
        column = int(match["column"] or match["panel_column"])
    if not (1 <= slot < SLOTS and 1 <= column <= width):
        raise fault(
            file,
            key,
            f"{text!r}: slots count from 1, columns from 1 to {width}; for cards of another width "
            "set [matrix] columns_per_slot",
        )
    return row, (slot - 1) * width + column - 1


def _place(file: BenchFile, column: Column, in_words: bool = False) -> str:
    """Return a column as people write it, with its mainframe where there are several."""
    number, slot = divmod(column[0], SLOTS)
    names = file.matrix.mainframes
    if in_words:
        where = f"{names[number]}, " if len(names) > 1 else ""
        return f"{where}slot {slot}, column {column[1]}"
    where = f"{names[number]}:" if len(names) > 1 else ""
    return f"{where}{slot}.{column[1]}"
