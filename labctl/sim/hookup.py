"""What of a bench file the simulated bench needs: boxes, wiring, chip.

The simulator reads the file itself and knows nothing of the program's own reader: they meet on
the wire only. A file the program accepts is accepted here.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.errors import BenchFileError
from labctl.sim.box import Faults

_PADS = re.compile(r"^(WL|BL|SL)(\d+)(?:\.\.(\d+))?$")
_COLUMNS = re.compile(r"^(\d+)\.(\d+)(?:\.\.(\d+)\.(\d+))?$")

Pad = tuple[str, int]
"""Kind of line ("WL", "BL", "SL") and its number."""


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
    matrix
        Name of the instrument that is the switch matrix, or None.
    pads
        Pad on each matrix column, by (slot, column), both from 1.
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
    matrix: str | None
    pads: dict[tuple[int, int], Pad]
    folder: Path
    simulation: dict[str, Any] = field(default_factory=dict)

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
        (table["instrument"], table.get("channel", "a")): str(table["row"])
        for table in data.get("terminals", {}).values()
    }
    width = int(matrix.get("columns_per_slot", 12))
    return Hookup(
        rows=int(chip["rows"]),
        columns=int(chip["columns"]),
        source_lines=chip.get("source_lines", "columns"),
        boxes=tuple(
            BoxPlan(name, table["model"], table["address"], Faults(**faults.get(name, {})))
            for name, table in instruments.items()
        ),
        terminals=terminals,
        ground=matrix.get("ground"),
        matrix=matrix.get("instrument"),
        pads=dict(_pads(matrix.get("wiring", {}), width)),
        folder=path.resolve().parent,
        simulation=simulation,
    )


def _pads(wiring: dict[str, str], width: int) -> list[tuple[tuple[int, int], Pad]]:
    """Return (slot, column) and pad of every wired column; ``width`` columns a slot."""
    found = []
    for key, value in wiring.items():
        pads, columns = _PADS.match(key), _COLUMNS.match(value)
        if pads is None or columns is None:
            raise ValueError(f'[matrix.wiring] "{key}" = "{value}" does not parse')
        first, last = int(pads[2]), int(pads[3] or pads[2])
        start = (int(columns[1]) - 1) * width + int(columns[2]) - 1
        for offset in range(last - first + 1):
            slot, column = divmod(start + offset, width)
            found.append(((slot + 1, column + 1), (pads[1], first + offset)))
    return found
