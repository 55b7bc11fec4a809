"""A run as a netCDF-4 file: one group per table, for xarray and whatever else reads netCDF."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from labctl.errors import StoreError
from labctl.store.column import Column, Columns
from labctl.store.content import TEXT, Content, arrays_of, need, table_of

if TYPE_CHECKING:
    import xarray

_PURPOSE = "netCDF"
_ENGINE: Final = "h5netcdf"


def dataset_of(content: Content, table: str) -> xarray.Dataset:
    """Return one table as an xarray Dataset, with ``units`` and ``long_name`` of each variable.

    Raises
    ------
    StoreError
        Where xarray is not installed.
    """
    xr = need("xarray", _PURPOSE)
    columns = Content.from_json(content.text, Path(table))[1][table]
    dimension = "index"
    while dimension in columns:
        dimension += "_"
    variables = {
        name: (dimension, values, _attributes(columns[name]))
        for name, values in arrays_of(content.tables[table]).items()
    }
    keys = ("procedure", "number", "chip", "bench", "created", "status")
    about = {key: content.meta[key] for key in keys if content.meta.get(key) is not None}
    made: xarray.Dataset = xr.Dataset(variables, attrs={"title": table, **about})
    return made


def write(path: Path, content: Content) -> None:
    """Write the file ``path``; ``xarray.open_dataset(path, group=TABLE)`` reads a table.

    Raises
    ------
    StoreError
        Where xarray or h5netcdf is not installed, or for text that netCDF cannot hold.
    """
    xr = need("xarray", _PURPOSE)
    need(_ENGINE, _PURPOSE)
    about = xr.Dataset(attrs={"Conventions": "CF-1.11", TEXT: content.text})
    about.to_netcdf(path, engine=_ENGINE)
    for name in content.tables:
        dataset = dataset_of(content, name)
        coding: dict[Hashable, dict[str, Any]] = {}
        for key, variable in dataset.variables.items():
            if variable.dtype == object:
                _check_text(name, str(key), variable.values)
                coding[key] = {"dtype": str}
            else:
                coding[key] = {"_FillValue": None, "zlib": True, "complevel": 1}
        dataset.to_netcdf(path, "a", group=name, engine=_ENGINE, encoding=coding)


def read(path: Path) -> Content:
    """Read what :func:`write` has written.

    Raises
    ------
    StoreError
        Where it is something else, or xarray or h5netcdf is not installed.
    """
    xr = need("xarray", _PURPOSE)
    need(_ENGINE, _PURPOSE)
    try:
        with xr.open_dataset(path, engine=_ENGINE) as root:
            meta, columns = Content.from_json(root.attrs[TEXT], path)
        return Content(meta, {name: _read(xr, path, name, own) for name, own in columns.items()})
    except (OSError, KeyError) as error:
        raise StoreError(f"{path} is no export of labctl: {error}.") from error


def _read(xr: Any, path: Path, name: str, columns: Columns) -> Any:
    with xr.open_dataset(path, group=name, engine=_ENGINE, decode_times=False) as dataset:
        return table_of(name, columns, {key: dataset[key].values for key in columns})


def _attributes(column: Column) -> dict[str, str]:
    named = {"units": column.unit, "long_name": column.text}
    return {key: text for key, text in named.items() if text}


def _check_text(table: str, name: str, values: np.ndarray[Any, Any]) -> None:
    if any("\0" in text for text in values):
        raise StoreError(
            f"Table {table!r}, column {name!r} has text with a zero character, which netCDF cannot "
            "hold. Export to CSV or HDF5."
        )
