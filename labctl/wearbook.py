"""The wear book as people read it: the most worn relays of a workspace, the most pulsed cells."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from labctl.benchfile import BenchFile
from labctl.wear import WORN, wear_files, wear_folder
from labctl.wearfile import WearFile, file_name


@dataclass(frozen=True, slots=True)
class WornPart:
    """One relay, or one cell.

    Attributes
    ----------
    part
        Crosspoint in the matrix's own notation, or ``"row,column"``.
    of
        Model and serial number of the matrix, or name of the chip.
    count
        Closures, or pulses.
    share
        Of the rated life, or of the pulses a cell may have.
    own
        Closures that the matrix itself had counted at the last pre-flight; None where it does not
        count or was not asked.
    worn
        Whether people are warned.
    """

    part: str
    of: str
    count: int
    share: float
    own: int | None = None
    worn: bool = False


@dataclass(frozen=True, slots=True)
class Worn:
    """All relays of a workspace and all cells of a chip, most worn first.

    Attributes
    ----------
    folder
        Where the counts are kept; None: nowhere.
    relays, cells
        Those that were ever closed, or pulsed.
    """

    folder: Path | None
    relays: list[WornPart] = field(default_factory=list)
    cells: list[WornPart] = field(default_factory=list)


def worn(file: BenchFile) -> Worn:
    """Return the wear of the workspace of a bench file; connects to nothing.

    Raises
    ------
    StoreError
        Where a file is damaged or of a later format.
    """
    folder = wear_folder(file)
    if folder is None:
        return Worn(None)
    relays: list[WornPart] = []
    for book in wear_files(folder, "matrix"):
        relays += _parts(book, float(book.about().get("life", "inf")))
    path = folder / file_name("chip", file.chip.name)
    cells = []
    if path.exists():
        book = WearFile(path, "chip", file.chip.name)
        cells = _parts(book, float(file.limits.pulses_per_cell))
    return Worn(folder, _most_first(relays), _most_first(cells))


def _parts(book: WearFile, life: float) -> list[WornPart]:
    counts, own = book.counts(), book.own()
    return [
        WornPart(
            part,
            book.name,
            counts.get(part, 0),
            (share := max(counts.get(part, 0), own.get(part, 0)) / life),
            own.get(part),
            share >= WORN,
        )
        for part in counts.keys() | own.keys()
        if counts.get(part, 0) or own.get(part, 0)
    ]


def _most_first(parts: list[WornPart]) -> list[WornPart]:
    return sorted(parts, key=lambda part: (-part.share, -part.count, part.part))
