"""The file a chip is kept in: a numpy archive with everything needed to go on bit for bit."""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import LabctlError, StoreError
from labctl.sim.chip import layout
from labctl.sim.chip.preset import Preset

VERSION = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """What the file holds; see :class:`labctl.sim.chip.Chip` for the meaning.

    Attributes
    ----------
    state, counts
        float64 and int64, one row per cell (:mod:`labctl.sim.chip.layout`).
    word, bit, source
        int8, nets of the lines.
    voltage, limit
        V and A per net.
    drives
        Number of the present drive.
    """

    preset: Preset
    rows: int
    columns: int
    seed: int
    source_lines: str
    noise: bool
    time: float
    drives: int
    state: NDArray[np.float64]
    counts: NDArray[np.int64]
    word: NDArray[np.int8]
    bit: NDArray[np.int8]
    source: NDArray[np.int8]
    voltage: NDArray[np.float64]
    limit: NDArray[np.float64]


_ARRAYS = {
    "state": np.float64, "counts": np.int64, "word": np.int8, "bit": np.int8, "source": np.int8,
    "voltage": np.float64, "limit": np.float64,
}  # fmt: skip


def write_saved(path: Path, saved: Saved) -> None:
    """Write ``saved`` beside ``path`` and put it in place only when complete."""
    facts = {
        "version": VERSION,
        "preset": dataclasses.asdict(saved.preset),
        **{k: getattr(saved, k) for k in ("rows", "columns", "source_lines", "noise")},
        "seed": str(saved.seed),
        "time": saved.time.hex(),
        "drives": saved.drives,
    }
    arrays: dict[str, Any] = {k: getattr(saved, k) for k in _ARRAYS}
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            np.savez(file, facts=np.array(json.dumps(facts)), **arrays)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise StoreError(
            f"The chip could not be saved to {path}: {error}. Free space or choose another file."
        ) from error


def read_saved(path: Path) -> Saved:
    """Read what :func:`write_saved` wrote, or say why that is impossible."""
    cure = "Restore a copy, or delete it to begin with a new chip."
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            facts = json.loads(str(archive["facts"]))
            if facts["version"] != VERSION:
                raise StoreError(
                    f"The chip file {path} has version {facts['version']}, and this labctl reads "
                    f"version {VERSION}. Use the labctl that wrote it."
                )
            arrays = {k: archive[k] for k in _ARRAYS}
        saved = Saved(
            preset=Preset(**facts["preset"]),
            rows=int(facts["rows"]),
            columns=int(facts["columns"]),
            seed=int(facts["seed"]),
            source_lines=str(facts["source_lines"]),
            noise=bool(facts["noise"]),
            time=float.fromhex(facts["time"]),
            drives=int(facts["drives"]),
            **arrays,
        )
    except StoreError:
        raise
    except OSError as error:
        raise StoreError(f"The chip file {path} cannot be read: {error}. {cure}") from error
    except (
        zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, TypeError, LabctlError,
    ) as error:  # fmt: skip
        raise StoreError(
            f"The chip file {path} is cut short or damaged ({error}). {cure}"
        ) from error
    _check(path, saved, cure)
    return saved


def _check(path: Path, saved: Saved, cure: str) -> None:
    n = saved.rows * saved.columns
    nets = saved.voltage.shape
    shapes = {
        "state": (n, layout.STATE_COLUMNS),
        "counts": (n, layout.COUNT_COLUMNS),
        "word": (saved.rows,),
        "bit": (saved.columns,),
        "source": (saved.rows if saved.source_lines == "rows" else saved.columns,),
        "voltage": nets,
        "limit": nets,
    }
    for name, kind in _ARRAYS.items():
        array = getattr(saved, name)
        if array.shape != shapes[name] or array.dtype != kind:
            raise StoreError(
                f"The chip file {path} is damaged: {name} is {array.dtype} {array.shape}, "
                f"not {np.dtype(kind)} {shapes[name]}. {cure}"
            )
