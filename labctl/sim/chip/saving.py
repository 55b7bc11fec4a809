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

VERSION = 2


@dataclass(frozen=True, slots=True)
class Saved:
    """What the file holds; see :class:`labctl.sim.chip.Chip` for the meaning.

    Attributes
    ----------
    ambient
        K.
    state, counts
        float64 and int64, one column per cell (:mod:`labctl.sim.chip.layout`).
    word, bit, source
        int8, nets of the lines.
    voltage, limit, slack
        V, A, and what is left of its reaction time (s), per net.
    volt, bit_at, source_at, guess
        V per node and per edge: where the search for node voltages goes on; whether it starts anew.
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
    ambient: float
    drives: int
    state: NDArray[np.float64]
    counts: NDArray[np.int64]
    word: NDArray[np.int8]
    bit: NDArray[np.int8]
    source: NDArray[np.int8]
    voltage: NDArray[np.float64]
    limit: NDArray[np.float64]
    slack: NDArray[np.float64]
    volt: NDArray[np.float64]
    bit_at: NDArray[np.float64]
    source_at: NDArray[np.float64]
    guess: bool


_ARRAYS = {
    "state": np.float64, "counts": np.int64, "word": np.int8, "bit": np.int8, "source": np.int8,
    "voltage": np.float64, "limit": np.float64, "slack": np.float64,
    "volt": np.float64, "bit_at": np.float64, "source_at": np.float64,
}  # fmt: skip


def write_saved(path: Path, saved: Saved) -> None:
    """Write ``saved`` beside ``path`` and put it in place only when complete."""
    facts = {
        "version": VERSION,
        "preset": dataclasses.asdict(saved.preset),
        **{k: getattr(saved, k) for k in ("rows", "columns", "source_lines", "noise")},
        "seed": str(saved.seed),
        "time": saved.time.hex(),
        "ambient": saved.ambient.hex(),
        "drives": saved.drives,
        "guess": saved.guess,
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
            ambient=float.fromhex(facts["ambient"]),
            drives=int(facts["drives"]),
            guess=bool(facts["guess"]),
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
    sources = {"rows": saved.rows, "columns": saved.columns}.get(saved.source_lines, 0)
    lines = saved.columns + (sources or saved.rows)  # words lines count in a passive array
    shapes = {
        "state": (layout.STATE_ROWS, n),
        "counts": (layout.COUNT_ROWS, n),
        "word": (saved.rows,),
        "bit": (saved.columns,),
        "source": (sources,),
        "voltage": nets,
        "limit": nets,
        "slack": nets,
        "volt": (saved.voltage.size + lines,),
        "bit_at": (n,),
        "source_at": (n,),
    }
    for name, kind in _ARRAYS.items():
        array = getattr(saved, name)
        if array.shape != shapes[name] or array.dtype != kind:
            raise StoreError(
                f"The chip file {path} is damaged: {name} is {array.dtype} {array.shape}, "
                f"not {np.dtype(kind)} {shapes[name]}. {cure}"
            )
