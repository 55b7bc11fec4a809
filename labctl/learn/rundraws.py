"""The draws of runs, as containers for ArviZ (see :mod:`labctl.learn.inference`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from labctl.errors import StoreError
from labctl.learn.inference import SLOTS, Draws
from labctl.store import RunReader

if TYPE_CHECKING:
    import pandas as pd

_NO_TEMPERATURE = "lin2025"
"""The rule of ``learn`` that samples no density of a temperature."""


def draws_of(runs: RunReader | Sequence[RunReader]) -> Draws:
    """Return the draws of runs of one model, a chain (or more) each, burn-in left out.

    Parameters
    ----------
    runs
        Of ``sample_posterior`` or ``learn``, of the same weights; finished or not. Where the runs
        have different numbers of draws, the last ones of each are taken.

    Raises
    ------
    StoreError
        Where a run has no draws, or the runs have different weights.
    """
    readers = [runs] if isinstance(runs, RunReader) else list(runs)
    parts = [part for run in readers for part in _chains_of(run)]
    if len({part.names for part in parts}) > 1:
        raise StoreError(
            "These runs have different weights; only chains of the same model go into one "
            "container."
        )
    shortest = min(part.weights.shape[1] for part in parts)

    def joined(field: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, field)[:, -shortest:] for part in parts])

    return Draws(
        weights=joined("weights"),
        conductance=joined("conductance"),
        pulses=joined("pulses"),
        step=joined("step"),
        temperature=joined("temperature"),
        device_id=tuple(device for part in parts for device in part.device_id),
        names=parts[0].names,
        cells=np.concatenate([part.cells for part in parts]),
        slots=parts[0].slots,
        attrs=parts[0].attrs,
    )


def export_arviz(run: RunReader, path: str | Path) -> Path:
    """Write the draws of a run as netCDF for ArviZ; return the file.

    Raises
    ------
    StoreError, ProcedureError
        See :func:`draws_of` and :meth:`Draws.to_netcdf`.
    """
    return draws_of(run).to_netcdf(path)


def _chains_of(run: RunReader) -> list[Draws]:
    # The draws of active_learn are those of its last round: no chain of one posterior, no trace.
    if not {"draws", "trace"} <= set(run.tables):
        raise StoreError(
            f"{run.path} is a run of {run.meta.get('procedure')}, which draws no chain of one "
            "posterior; name one of sample_posterior or learn."
        )
    frame = run.frame("draws")
    frame = frame[frame["kept"]]
    if frame.empty:
        raise StoreError(f"{run.path} has no draws after the burn-in yet.")
    if "chain" not in frame:
        frame = frame.assign(chain=0)
    chains = np.unique(frame["chain"].to_numpy()).tolist()
    return [_chain(run, frame[frame["chain"] == k], k) for k in chains]


def _chain(run: RunReader, frame: pd.DataFrame, chain: int) -> Draws:
    frame = frame.sort_values(["draw", "weight"])
    size = int(frame["weight"].max()) + 1
    count = len(frame) // size
    values = frame.iloc[: count * size]  # a run that was cut off may end within a draw
    step = values["step"].to_numpy().reshape(count, size)[:, 0].astype(np.int64)
    trace = run.frame("trace").drop_duplicates("step", keep="last")
    place = np.searchsorted(trace["step"].to_numpy(), step)
    spent = trace["pulses"].to_numpy()[np.minimum(place, len(trace) - 1)]
    conductance = values[list(SLOTS)].to_numpy().reshape(count, size, len(SLOTS))
    parameters = run.meta.get("parameters", {})
    summary = run.meta.get("summary") or {}
    names = tuple(map(str, summary.get("weights", [])))
    # The published rule goes by no temperature, whatever its parameter was left at.
    goes_by_none = parameters.get("rule") == _NO_TEMPERATURE
    temperature = np.nan if goes_by_none else float(parameters.get("temperature", 1.0))
    return Draws(
        weights=values["value"].to_numpy().reshape(1, count, size),
        conductance=conductance[None],
        pulses=spent.astype(np.int64)[None],
        step=step[None],
        temperature=np.full((1, count), temperature),
        device_id=(str(run.meta.get("chip", "unknown")),),
        names=names if len(names) == size else tuple(f"w{k}" for k in range(size)),
        cells=_cells(run, size, chain)[None],
        attrs={
            "procedure": str(run.meta.get("procedure")),
            "run": run.path.name,
            "task": str(parameters.get("task", "")),
            "seed": int(run.meta.get("seed", -1)),
        },
    )


def _cells(run: RunReader, size: int, chain: int) -> NDArray[np.int64]:
    """Return the cells of each weight of a chain; -1 where a weight is no pair, or was not told."""
    cells = np.full((size, len(SLOTS), 2), -1, dtype=np.int64)
    if "placement" in run.tables:  # told from the start, and of each cell that was replaced
        frame = run.frame("placement").drop_duplicates(["row", "col"], keep="last")
        used = frame[(frame["weight"] >= 0) & (frame["chain"] == chain)]
        if used["slot"].max() < len(SLOTS):
            cells[used["weight"], used["slot"]] = used[["row", "col"]]
    frame = run.frame("weights")
    if "chain" in frame:
        frame = frame[frame["chain"] == chain]
    frame = frame.drop_duplicates("weight", keep="last")
    index = frame["weight"].to_numpy()
    for k, slot in enumerate(SLOTS):
        for line, name in enumerate(("row", "col")):
            cells[index, k, line] = frame[f"{slot}_{name}"].to_numpy()
    return cells
