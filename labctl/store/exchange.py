"""Runs to files of other kinds and back: CSV, HDF5 as MATLAB 7.3 has it, netCDF."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pyarrow as pa

from labctl.errors import StoreError
from labctl.store import journal
from labctl.store.content import Content
from labctl.store.reader import RunReader
from labctl.store.run import DATA_ROOT, Run, find
from labctl.store.status import Status
from labctl.store.writer import RunWriter

KINDS = {"csv": "csvfile", "mat": "matfile", "netcdf": "netcdffile"}
"""Kind of file -> module here that reads and writes it."""
ENDINGS = {".mat": "mat", ".h5": "mat", ".hdf5": "mat", ".nc": "netcdf", ".nc4": "netcdf"}
_USUAL = {"csv": "", "mat": ".mat", "netcdf": ".nc"}
_BLOCK = 100_000
_OWN = frozenset(
    {
        "format", "number", "status", "created", "tables", "process", "ended", "rows", "error",
        "summary", "heartbeat", "procedure", "traceback",
    }
)  # fmt: skip
"""Keys of ``run.json`` that the writer of a run sets itself."""


def export(
    run: str | Path | int | RunReader,
    path: str | Path | None = None,
    kind: str | None = None,
    *,
    tables: list[str] | None = None,
    force: bool = False,
    data_root: str | Path = DATA_ROOT,
) -> Path:
    """Write a run, also one that goes on, to a file of another kind.

    All numbers, units and everything in ``run.json`` go along; :func:`import_run` gives the same
    run again.

    Parameters
    ----------
    run
        A run, its folder, or its number below ``data_root``.
    path
        Where to; None takes the name of the run folder, here.
    kind
        ``csv`` (a folder with one file per table), ``mat`` (HDF5, which MATLAB's ``load`` reads)
        or ``netcdf`` (for xarray). None goes by the ending of ``path``: ``.mat``, ``.h5``,
        ``.hdf5``, ``.nc``, ``.nc4``; without an ending it is a folder of CSV.
    tables
        Only these; None takes all.
    force
        Whether to replace what is there.

    Returns
    -------
    Path
        The file, or the folder of CSV.

    Raises
    ------
    StoreError
        For a run or a table that is not there, a file that is, or a package that is missing.
    """
    found = find(run, data_root)
    kind, target = _target(found.path.name, path, kind)
    if target.is_dir() and not _is_export(target):
        raise StoreError(f"{target} is a folder that holds other things; name another place.")
    if target.exists() and not force:
        raise StoreError(f"{target} is there already; --force (force=True) replaces it.")
    content = Content.of(found, tables)
    fresh = target.with_name(f".{target.name}.new")
    _remove(fresh)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _module(kind).write(fresh, content)
        _remove(target)
        fresh.replace(target)
    except OSError as error:
        raise StoreError(f"Cannot write {target}: {error}.") from error
    finally:
        _remove(fresh)
    return target


def read_export(path: str | Path) -> Content:
    """Return what an export holds: metadata, and tables with units.

    Raises
    ------
    StoreError
        Where it is no export of labctl, or a package is missing.
    """
    path = Path(path)
    if not path.exists():
        raise StoreError(f"There is no {path}.")
    kind = "csv" if path.is_dir() else ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise StoreError(f"{path} is neither a folder of CSV nor one of {', '.join(ENDINGS)}.")
    content: Content = _module(kind).read(path)
    return content


def import_run(path: str | Path, data_root: str | Path = DATA_ROOT) -> Run:
    """Make a run, with a number of its own, of an export of labctl.

    Its ``run.json`` is that of the run exported; ``imported`` says which that was. It cannot be
    resumed.

    Raises
    ------
    StoreError
        Where it is no export of labctl, or the run cannot be stored.
    """
    content = read_export(path)
    meta = content.meta
    status = Status(meta["status"])
    own = {key: value for key, value in meta.items() if key not in _OWN}
    kept = ("number", "status", "ended", "process", "format")
    own["imported"] = {"from": str(path), **{key: meta.get(key) for key in kept}}
    columns = Content.from_json(content.text, Path(path))[1]
    with RunWriter.create(data_root, meta["procedure"], own, columns) as writer:
        for name, table in content.tables.items():
            for batch in table.to_batches(_BLOCK):
                _append(writer, name, batch)
        writer.finish(
            status if status.is_over else Status.INTERRUPTED,
            meta.get("error"),
            meta.get("summary") or {},
            created=meta.get("created"),
            traceback=meta.get("traceback"),
        )
    (writer.path / f"{journal.TABLE}.parquet").unlink(missing_ok=True)
    return Run(writer.path)


def _append(writer: RunWriter, table: str, batch: pa.RecordBatch) -> None:
    columns: dict[str, Any] = {
        name: batch.column(name).to_numpy(zero_copy_only=False) for name in batch.schema.names
    }
    writer.append(table, **columns)
    writer.flush()


def _target(name: str, path: str | Path | None, kind: str | None) -> tuple[str, Path]:
    if kind is not None and kind not in KINDS:
        raise StoreError(f"There is no kind of export {kind!r}; take one of {', '.join(KINDS)}.")
    if path is None:
        kind = kind or "csv"
        return kind, Path(f"{name}{_USUAL[kind]}")
    target = Path(path)
    if kind is None:
        ending = target.suffix.lower()
        if ending and ending not in ENDINGS:
            known = ", ".join(ENDINGS)
            raise StoreError(
                f"What kind of file is {target}? Take one of {known}, a folder for CSV, or --kind."
            )
        kind = ENDINGS.get(ending, "csv")
    return kind, target


def _is_export(folder: Path) -> bool:
    """Tell whether a folder holds what an export to CSV makes, and nothing else."""
    names = {item.name for item in folder.iterdir()}
    return "run.json" in names and all(n == "run.json" or n.endswith(".csv") for n in names)


def _module(kind: str) -> Any:
    return import_module(f"labctl.store.{KINDS[kind]}")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
