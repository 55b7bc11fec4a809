"""A run as a MATLAB 7.3 file: ``load`` gives one structure per table, any HDF5 library reads it.

A 7.3 file is an HDF5 file with a header of 512 bytes before it; each dataset says in the attribute
``MATLAB_class`` what it is to MATLAB. MATLAB turns the order of dimensions round: a column of n
rows is a dataset of shape (1, n). Text is UTF-16 code units, a column of text a cell array, whose
dataset has references to one dataset per different text.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from labctl.errors import StoreError
from labctl.store.column import Columns
from labctl.store.content import TEXT, Content, arrays_of, need, table_of

_HEADER = 512
_CLASSES = {"float64": "double", "float32": "single", "bool": "logical"}
_PURPOSE = "HDF5"


def write(path: Path, content: Content) -> None:
    """Write the file ``path``.

    Raises
    ------
    StoreError
        Where h5py is not installed.
    """
    h5py = need("h5py", _PURPOSE)
    with h5py.File(path, "w", userblock_size=_HEADER, libver=("earliest", "v110")) as file:
        texts = _Texts(file, h5py)
        texts.put(file, TEXT, content.text)
        units = _structure(file, "units")
        for name, table in content.tables.items():
            group, own = _structure(file, name), _structure(units, name)
            for field in table.schema:
                unit, text = (field.metadata[key].decode() for key in (b"unit", b"text"))
                texts.put(own, field.name, unit)
                values = arrays_of(table.select([field.name]))[field.name]
                dataset = (
                    texts.column(group, field.name, values)
                    if values.dtype == object
                    else _numbers(group, field.name, values)
                )
                dataset.attrs["unit"], dataset.attrs["description"] = unit, text
    made = datetime.now().strftime("%a %b %d %H:%M:%S %Y")
    title = f"MATLAB 7.3 MAT-file, Platform: labctl, Created on: {made} HDF5 schema 1.00 ."
    with path.open("r+b") as raw:
        raw.write(title.encode().ljust(116) + bytes(8) + b"\x00\x02IM")


def read(path: Path) -> Content:
    """Read what :func:`write` has written.

    Raises
    ------
    StoreError
        Where it is something else, or h5py is not installed.
    """
    h5py = need("h5py", _PURPOSE)
    try:
        with h5py.File(path, "r") as file:
            meta, columns = Content.from_json(_text(file[TEXT]), path)
            return Content(
                meta, {name: _read(file, name, own) for name, own in columns.items()}
            )  # fmt: skip
    except (OSError, KeyError) as error:
        raise StoreError(f"{path} is no export of labctl: {error}.") from error


def _read(file: Any, name: str, columns: Columns) -> Any:
    arrays: dict[str, Any] = {}
    for key, column in columns.items():
        dataset = file[name][key]
        if "MATLAB_empty" in dataset.attrs:
            arrays[key] = []
        elif column.dtype == "str":
            places = [file[reference].name for reference in dataset[0]]
            texts = {place: _text(file[place]) for place in set(places)}
            arrays[key] = [texts[place] for place in places]
        else:
            arrays[key] = dataset[0]
    return table_of(name, columns, arrays)


class _Texts:
    """Writes text; equal texts of columns are written once."""

    def __init__(self, file: Any, h5py: Any) -> None:
        self._file, self._h5py = file, h5py
        self._known: dict[str, Any] = {}

    def put(self, group: Any, name: str, text: str) -> Any:
        """Write one text as a row of letters."""
        units = np.frombuffer(text.encode("utf-16-le"), np.uint16)
        if not len(units):
            return _empty(group, name, "char", (0, 0))
        dataset = group.create_dataset(name, data=units[:, None])
        _mark(dataset, "char", 2)
        return dataset

    def column(self, group: Any, name: str, values: Any) -> Any:
        """Write a column of text as a cell array."""
        if not len(values):
            return _empty(group, name, "cell", (0, 1))
        references = [self._reference(text) for text in values]
        kind = self._h5py.special_dtype(ref=self._h5py.Reference)
        dataset = group.create_dataset(name, (1, len(values)), kind)
        dataset[0] = references
        _mark(dataset, "cell")
        return dataset

    def _reference(self, text: str) -> Any:
        if text not in self._known:
            group = self._file.require_group("#refs#")
            self._known[text] = self.put(group, f"t{len(self._known)}", text).ref
        return self._known[text]


def _structure(parent: Any, name: str) -> Any:
    group = parent.create_group(name)
    _mark(group, "struct")
    return group


def _numbers(group: Any, name: str, values: np.ndarray[Any, Any]) -> Any:
    kind = _CLASSES.get(values.dtype.name, values.dtype.name)
    if not len(values):
        return _empty(group, name, kind, (0, 1))
    stored = values.astype(np.uint8) if kind == "logical" else values
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True}
    dataset = group.create_dataset(name, data=stored[None, :], **packed)
    _mark(dataset, kind, 1 if kind == "logical" else None)
    return dataset


def _empty(group: Any, name: str, kind: str, shape: tuple[int, int]) -> Any:
    """Write an array of MATLAB without elements: its dimensions, and that it is empty."""
    dataset = group.create_dataset(name, data=np.array(shape, np.uint64))
    _mark(dataset, kind, {"char": 2, "logical": 1}.get(kind))
    dataset.attrs["MATLAB_empty"] = np.uint8(1)
    return dataset


def _mark(item: Any, kind: str, decode: int | None = None) -> None:
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    if decode is not None:
        item.attrs["MATLAB_int_decode"] = np.int32(decode)


def _text(dataset: Any) -> str:
    if "MATLAB_empty" in dataset.attrs:
        return ""
    return bytes(dataset[()].astype("<u2").tobytes()).decode("utf-16-le")
