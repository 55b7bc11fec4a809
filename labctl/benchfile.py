"""``bench.toml``: which instruments, wired how, to which chip, within which limits."""

from __future__ import annotations

import difflib
import hashlib
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Union, get_args, get_origin

from pydantic import Field, PrivateAttr, ValidationError, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from labctl.benchrules import broken_rules
from labctl.benchtables import (
    ArrayTable,
    BenchTable,
    ChipTable,
    FaultTable,
    InstrumentTable,
    LimitsTable,
    MatrixTable,
    PreflightTable,
    SimulationTable,
    Table,
    TerminalsTable,
    TerminalTable,
)
from labctl.errors import BenchFileError
from labctl.tomlplace import line_of

__all__ = [
    "ArrayTable",
    "BenchFile",
    "BenchTable",
    "ChipTable",
    "FaultTable",
    "InstrumentTable",
    "LimitsTable",
    "MatrixTable",
    "PreflightTable",
    "SimulationTable",
    "TerminalTable",
    "TerminalsTable",
    "digest_of",
    "fault",
    "load_bench_file",
]
_OWN = ("path", "digest")
"""Fields that no file may give."""


class BenchFile(Table):
    """A whole bench file, checked. Make one with :func:`load_bench_file`."""

    bench: BenchTable = Field(default=BenchTable(), description="What the bench is called.")
    chip: ChipTable = Field(description="The die.")
    array: ArrayTable = Field(default=ArrayTable(), description="What a cell is made of.")
    instruments: dict[str, InstrumentTable] = Field(
        description="The boxes, each in a table [instruments.NAME]."
    )
    terminals: TerminalsTable = Field(description="The source-meter channels on the matrix.")
    matrix: MatrixTable = Field(description="The relays and the pads on them.")
    limits: LimitsTable = Field(default=LimitsTable(), description="Hard limits of every pulse.")
    preflight: PreflightTable = Field(
        default=PreflightTable(), description="What the pre-flight is to find."
    )
    simulation: SimulationTable = Field(
        default=SimulationTable(), description="What the simulated bench reads."
    )

    path: SkipJsonSchema[Path] = Path("bench.toml")
    digest: SkipJsonSchema[str] = ""
    _text: str = PrivateAttr("")

    @property
    def text(self) -> str:
        """The file as it was read, comments included; empty where it was not read from a file."""
        return self._text

    @property
    def visa_library(self) -> str:
        """The VISA library name pyvisa gets; the simulated bench is named by its own file."""
        if self.bench.visa == "@labsim":
            return f"{self.path}@labsim"
        return self.bench.visa

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the chip."""
        return self.chip.rows, self.chip.columns

    def max_pulse_width(self, terminal: str) -> float:
        """Return the longest pulse a terminal may give, s: its own limit, or that of all."""
        table: TerminalTable = getattr(self.terminals, terminal)
        own = table.max_pulse_width
        return self.limits.max_pulse_width if own is None else min(own, self.limits.max_pulse_width)

    @model_validator(mode="after")
    def _sound(self) -> BenchFile:
        if broken := broken_rules(self):
            text = "; ".join(f"{'.'.join(key)}: {what}" for key, what in broken)
            raise PydanticCustomError("broken_rules", "{text}", {"text": text, "broken": broken})
        return self


def load_bench_file(path: str | Path) -> BenchFile:
    """Read and check a bench file.

    Raises
    ------
    BenchFileError
        With file, line, key and cure of every fault found.
    """
    path = Path(path).expanduser()
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BenchFileError(
            f"Cannot read bench file {path}: {error}. `labctl new NAME` makes a folder with one."
        ) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BenchFileError(f"{path} is not valid TOML: {error}.") from error
    own = [f"  line {line_of(text, (key,))}, {key}: unknown key" for key in _OWN if key in data]
    if own:
        raise BenchFileError(f"Bench file {path} has faults:\n" + "\n".join(own))
    try:
        file = BenchFile(**data, path=path.resolve(), digest=digest_of(content))
    except ValidationError as error:
        faults = "\n".join(f"  {line}" for line in _explain(error.errors(), text, data))
        raise BenchFileError(f"Bench file {path} has faults:\n{faults}") from error
    file._text = text
    return file


def digest_of(content: bytes) -> str:
    """Return what tells one content of a bench file from another (SHA-256, hexadecimal)."""
    return hashlib.sha256(content).hexdigest()


def fault(file: BenchFile, key: tuple[str, ...], text: str) -> BenchFileError:
    """Return the error for a fault found after loading, with file and line of ``key``."""
    try:
        line = line_of(file.path.read_text(encoding="utf-8"), key)
    except (OSError, UnicodeDecodeError):
        line = None  # the file has gone since; what is wrong with it is still to be said
    where = f"line {line}, " if line else ""
    return BenchFileError(f"Bench file {file.path}, {where}{'.'.join(key)}: {text}")


def _explain(items: list[ErrorDetails], text: str, data: dict[str, Any]) -> list[str]:
    """Return one line for each key that something is wrong with."""
    found: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        for key, what in _faults(item, data):
            found.setdefault(key, []).append(what)
    lines = []
    for key, texts in found.items():
        line = line_of(text, key)
        where = f"line {line}, {'.'.join(key)}" if line else ".".join(key)
        what = " or ".join(dict.fromkeys(texts))
        lines.append(f"{where}: {what}" if where else what)
    return lines


def _faults(item: ErrorDetails, data: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield key and text of one pydantic error: what is wrong, cure."""
    if item["type"] == "broken_rules":
        yield from item["ctx"]["broken"]
        return
    absent = item["type"] in ("extra_forbidden", "missing")
    key = tuple(str(part) for part in item["loc"])
    if not absent:
        key = _inside_file(key, data)
    if item["type"] == "extra_forbidden":
        known = _known_keys(key[:-1])
        near = difflib.get_close_matches(key[-1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        yield key, f"unknown key; {hint}"
    elif item["type"] == "missing":
        yield key, "missing; add it (see `labctl new` for a commented example)"
    else:
        value = item.get("input")
        shown = f" (is {value!r})" if isinstance(value, str | int | float | bool) else ""
        yield key, item["msg"].removeprefix("Value error, ") + shown


def _inside_file(key: tuple[str, ...], data: Any) -> tuple[str, ...]:
    """Return the part of a key that the file has; pydantic adds the names of types it tried."""
    for length, part in enumerate(key):
        if not isinstance(data, dict) or part not in data:
            return key[:length]
        data = data[part]
    return key


def _known_keys(loc: tuple[str, ...]) -> list[str]:
    """Return the keys that the table at ``loc`` may have."""
    kind: Any = BenchFile
    for part in loc:
        kind = _type_inside(kind, part)
    return sorted(name for name in getattr(kind, "model_fields", {}) if name not in _OWN)


def _type_inside(kind: Any, part: str) -> Any:
    """Return the type of key ``part`` of a table, or of any key of a table of tables."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    field = getattr(kind, "model_fields", {}).get(part)
    found = None if field is None else field.annotation
    if get_origin(found) in (Union, types.UnionType):
        return next(each for each in get_args(found) if each is not type(None))
    return found
