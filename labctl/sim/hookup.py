"""What of a bench file the simulated bench needs: boxes, wiring, chip.

The simulator reads the file itself and knows nothing of the program's own reader: they meet on
the wire only. A file the program accepts is accepted here.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from labctl.errors import BenchFileError
from labctl.sim.faults import Faults

_PADS = re.compile(r"^(WL|BL|SL)(\d+)(?:\.\.(\d+))?$")
_COLUMNS = re.compile(r"^(?:(.+):)?([^:.]+(?:\.\d+)?)(?:\.\.([^:.]+(?:\.\d+)?))?$")
_COLUMN = re.compile(r"^(?:(\d+)(?:\.|([A-Z]))(\d+)|([A-Z])(\d+))$")

Pad = tuple[str, int]
"""Kind of line ("WL", "BL", "SL") and its number."""
Column = tuple[str, int, int]
"""A column of a matrix: mainframe, slot and column, the last two from 1."""


@dataclass(frozen=True)
class BoxPlan:
    """One instrument of the bench file."""

    name: str
    model: str
    address: str
    faults: Faults


@dataclass(frozen=True)
class Hookup:
    """How the simulated bench is put together.

    Attributes
    ----------
    rows, columns, source_lines
        Geometry of the chip.
    boxes
        The instruments.
    terminals
        Matrix row letter of each source-meter channel, by (instrument, channel).
    ground
        Matrix row letter wired to ground, or None.
    matrices
        Names of the instruments that are the switch matrix; their rows are joined, letter by
        letter.
    pads
        Pad on each column of the matrix.
    simulation
        The table ``[simulation]`` as it stands in the file.
    folder
        Where relative paths start.
    """

    rows: int
    columns: int
    source_lines: str
    boxes: tuple[BoxPlan, ...]
    terminals: dict[tuple[str, str], str]
    ground: str | None
    matrices: tuple[str, ...]
    pads: dict[Column, Pad]
    folder: Path
    simulation: dict[str, Any] = field(default_factory=dict)

    @property
    def matrix(self) -> str | None:
        """Name of the first mainframe of the switch matrix, or None."""
        return self.matrices[0] if self.matrices else None

    @property
    def state(self) -> Path | None:
        """File that keeps the chip between sessions, or None."""
        name = self.simulation.get("state")
        return self.folder / name if name else None


def read_hookup(path: str | Path) -> Hookup:
    """Read a bench file for the simulator.

    Raises
    ------
    BenchFileError
        Where the file cannot be read, or what the simulator needs of it is missing or wrong.
    """
    path = Path(path).expanduser()
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BenchFileError(
            f"The simulated bench cannot read {path}: {error}. Its VISA library is named "
            '"<bench file>@labsim".'
        ) from error
    try:
        return _hookup(data, path)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BenchFileError(
            f"The simulated bench cannot be built from {path}: {type(error).__name__}: {error}. "
            "`labctl new` makes a file to start from."
        ) from error


def _hookup(data: dict[str, Any], path: Path) -> Hookup:
    chip, matrix = data["chip"], data.get("matrix", {})
    simulation = data.get("simulation", {})
    faults = simulation.get("faults", {})
    instruments = data["instruments"]
    for name in faults:
        if name not in instruments:
            raise ValueError(f"[simulation.faults.{name}] names no instrument of the file")
    terminals = {
        (table["instrument"], str(table.get("channel", "a"))): str(table["row"])
        for table in data.get("terminals", {}).values()
    }
    matrices = _names(matrix.get("instrument"))
    for name in matrices:
        if name not in instruments:
            raise ValueError(f"[matrix] instrument {name!r} is not one of [instruments.*]")
    return Hookup(
        rows=int(chip["rows"]),
        columns=int(chip["columns"]),
        source_lines=chip.get("source_lines", "columns"),
        boxes=tuple(
            BoxPlan(name, table["model"], table["address"], _faults(name, faults.get(name, {})))
            for name, table in instruments.items()
        ),
        terminals=terminals,
        ground=matrix.get("ground"),
        matrices=matrices,
        pads=dict(_pads(matrix.get("wiring", {}), matrices, matrix.get("columns_per_slot", 12))),
        folder=path.resolve().parent,
        simulation=simulation,
    )


def _faults(name: str, table: dict[str, Any]) -> Faults:
    known = {item.name for item in fields(Faults) if item.init}
    for key in table:
        if key not in known:
            raise ValueError(
                f"[simulation.faults.{name}] has no {key!r}; it has {', '.join(sorted(known))}"
            )
    return Faults(**table)


def _names(value: Any) -> tuple[str, ...]:
    """Return the mainframes that ``[matrix] instrument`` names: none, one, or a list."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _pads(
    wiring: dict[str, Any], matrices: tuple[str, ...], width: int | dict[str, int]
) -> list[tuple[Column, Pad]]:
    """Return column and pad of every entry of ``[matrix.wiring]``.

    Parameters
    ----------
    wiring
        ``"WL0..3" = "1.1..1.4"`` (slot.column, of the first mainframe),
        ``"WL0..3" = "NAME:1.1..1.4"``, or a table of such entries under the name of a mainframe.
        A column may also be named as a crosspoint of any row: ``"1A01..1A04"`` (slot, row,
        column), ``"A1..A4"`` (row, column counted over all slots).
    width
        Columns of one slot, over which a range counts on: a number, or one for each mainframe.
    """
    found: list[tuple[Column, Pad]] = []
    for key, value in wiring.items():
        if isinstance(value, dict):
            inside = {name: f"{key}:{text}" for name, text in value.items()}
            found += _pads(inside, matrices, width)
            continue
        pads, columns = _PADS.match(key), _COLUMNS.match(value)
        if pads is None or columns is None:
            raise ValueError(f'[matrix.wiring] "{key}" = "{value}" does not parse')
        name = columns[1] or (matrices[0] if matrices else "")
        if columns[1] and name not in matrices:
            raise ValueError(f'[matrix.wiring] "{key}": [matrix] instrument names no {name!r}')
        each = int(width.get(name, 12)) if isinstance(width, dict) else int(width)
        first, last = int(pads[2]), int(pads[3] or pads[2])
        start = _number(key, columns[2], each)
        stop = _number(key, columns[3] or columns[2], each)
        if stop - start != last - first:
            raise ValueError(f'[matrix.wiring] "{key}" = "{value}": not as many columns as pads')
        for offset in range(last - first + 1):
            slot, column = divmod(start + offset, each)
            found.append(((name, slot + 1, column + 1), (pads[1], first + offset)))
    return found


def _number(key: str, text: str, width: int) -> int:
    """Return the number of a column, from 0, over all slots of its mainframe."""
    column = _COLUMN.match(text)
    if column is None:
        raise ValueError(f'[matrix.wiring] "{key}" = "{text}" does not parse')
    if column[5]:
        return int(column[5]) - 1
    return (int(column[1]) - 1) * width + int(column[3]) - 1
