"""Kinds of chip as TOML files: those built in, and those of a lab.

A preset file has a ``name``, perhaps a ``description`` and a ``base``, then tables with the numbers
of :class:`Preset`, and ``[pulses]`` that suit the chip. What a file leaves out is as in its base,
or, without one, as :class:`Preset` has it.
"""

from __future__ import annotations

import difflib
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.errors import BenchFileError
from labctl.sim.chip.parameters import NUMBERS, PARAMETERS, TABLES, Parameter, Preset
from labctl.sim.chip.recipe import SHAPES, Point, Pulses, Ramp, entries
from labctl.sim.chip.sources import SOURCES

__all__ = [
    "NUMBERS", "Point", "Preset", "Pulses", "Ramp", "description", "names", "preset", "pulses",
    "to_toml",
]  # fmt: skip

_FOLDER = Path(__file__).parent / "presets"
_Fault = tuple[tuple[str, ...], str]
"""Key, and what is wrong with it."""


def names() -> list[str]:
    """Return the names of the built-in presets."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def preset(name_or_path: str | Path, folder: str | Path | None = None) -> Preset:
    """Return a preset.

    Parameters
    ----------
    name_or_path
        Built-in name, or path of a preset file, which ends in ``.toml``.
    folder
        Where a relative path starts; by default the working directory.

    Raises
    ------
    BenchFileError
        There is no such preset, or its file has faults; all of them are named, with line and cure.
    """
    return _load(name_or_path, folder, ()).preset()


def pulses(name_or_path: str | Path, folder: str | Path | None = None) -> Pulses:
    """Return the pulses that suit a preset; arguments as for :func:`preset`.

    Raises
    ------
    BenchFileError
        As :func:`preset`, or the preset lacks some of the pulses.
    """
    kind = _load(name_or_path, folder, ())
    kind.preset()
    return kind.pulses()


def description(name_or_path: str | Path, folder: str | Path | None = None) -> str:
    """Return what a preset file says of its chip, ``""`` if nothing; arguments as before."""
    return _load(name_or_path, folder, ()).description


def to_toml(preset: Preset, pulses: Pulses | None = None, description: str = "") -> str:
    """Return a complete preset file with unit, meaning, range and source behind each number.

    Reading it gives back the same preset, bit for bit: a lab starts its own from it.
    """
    lines = [f"name = {_quoted(preset.name)}"]
    if description:
        lines.append(f"description = {_quoted(description)}")
    for table in TABLES:
        lines += ["", f"[{table}]"]
        for name, parameter in PARAMETERS.items():
            if parameter.table == table:
                lines += _entry(name, getattr(preset, name), parameter)
    for kind, shape in SHAPES.items() if pulses else ():
        lines += ["", f"[pulses.{kind}]"]
        for name, parameter in entries(shape).items():
            lines += _entry(name, getattr(getattr(pulses, kind), name), parameter)
    lines += ["", "# Sources"]
    for short, full in sorted(SOURCES.items()):
        lines += textwrap.wrap(f"# {short}: {full}", 99, subsequent_indent="#   ")
    return "\n".join(lines) + "\n"


def _entry(name: str, value: float, parameter: Parameter) -> list[str]:
    short = f"{value:g}"
    number = short if float(short) == value else repr(value)
    source = "" if parameter.table == "pulses" else f" [{parameter.source}]"
    comment = textwrap.wrap(f"{parameter.what} {parameter.range}{source}", 97)
    return [*(f"# {line}" for line in comment), f"{name} = {number}"]


def _quoted(text: str) -> str:
    """Return ``text`` as a basic string of TOML."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in plain) + '"'


@dataclass
class _Kind:
    """What a preset file and its bases say, faults and all."""

    path: Path
    name: str
    description: str
    numbers: dict[str, float] = field(default_factory=dict)
    shapes: dict[str, dict[str, float]] = field(default_factory=dict)

    def preset(self) -> Preset:
        try:
            return Preset(name=self.name, **self.numbers)
        except BenchFileError as error:
            raise BenchFileError(f"Chip preset file {self.path}: {error}") from None

    def pulses(self) -> Pulses:
        made: dict[str, Any] = {}
        for kind, shape in SHAPES.items():
            said = self.shapes.get(kind, {})
            missing = [name for name in entries(shape) if name not in said]
            if missing:
                raise BenchFileError(
                    f"Chip preset file {self.path} lacks {', '.join(missing)} in [pulses.{kind}]; "
                    "add what is missing, or name a base that has it."
                )
            made[kind] = shape(**said)
        return Pulses(**made)


def _load(name_or_path: object, folder: str | Path | None, users: tuple[Path, ...]) -> _Kind:
    path = _find(name_or_path, folder)
    if path in users:
        chain = " -> ".join(str(p) for p in (*users, path))
        raise BenchFileError(f"Chip presets are based on each other: {chain}. Cut the loop.")
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise BenchFileError(f"Cannot read chip preset file {path}: {error}.") from error
    base, name = data.pop("base", None), data.pop("name", None)
    description = data.pop("description", "")
    faults: list[_Fault] = []
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        faults.append((("name",), 'missing or empty; begin with name = "..."'))
    if not isinstance(description, str):
        faults.append((("description",), "must be text in quotes"))
    if base is not None and not isinstance(base, str):
        faults.append((("base",), "must be the name or the path of another preset"))
    own = _Kind(path, str(name), str(description))
    faults += _take(data, own)
    if faults:
        told = "".join(f"\n  {_place(text, key)}{'.'.join(key)}: {what}" for key, what in faults)
        raise BenchFileError(f"Chip preset file {path} has faults:{told}")
    if base is not None:
        below = _load(base, path.parent, (*users, path))
        own.numbers = below.numbers | own.numbers
        own.shapes = {k: below.shapes.get(k, {}) | own.shapes.get(k, {}) for k in SHAPES}
    return own


def _find(name_or_path: object, folder: str | Path | None) -> Path:
    """Return the file of a preset."""
    text = str(name_or_path) if isinstance(name_or_path, str | Path) else ""
    if text.endswith(".toml"):
        try:
            return (Path(folder or ".") / Path(text).expanduser()).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise BenchFileError(f"There is no chip preset file {text!r}: {error}.") from error
    known = names()
    if text not in known:
        near = difflib.get_close_matches(text, known, 1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise BenchFileError(
            f"There is no chip preset {name_or_path!r}. {hint}Use one of: {', '.join(known)}; or "
            "the path of a preset file, ending in .toml ([simulation] preset)."
        )
    return _FOLDER / f"{text}.toml"


def _take(data: Mapping[str, Any], into: _Kind) -> Iterator[_Fault]:
    """Put the numbers of all tables into ``into`` and yield what is wrong with them."""
    for table, content in data.items():
        if table not in (*TABLES, "pulses"):
            yield (table,), _unknown(table, (*TABLES, "pulses"), "table")
        elif not isinstance(content, dict):
            yield (table,), f"must be a table, [{table}]"
        elif table == "pulses":
            for kind, values in content.items():
                if kind not in SHAPES:
                    yield (table, kind), _unknown(kind, SHAPES, "pulse")
                elif not isinstance(values, dict):
                    yield (table, kind), f"must be a table, [pulses.{kind}]"
                else:
                    said = into.shapes.setdefault(kind, {})
                    yield from _take_numbers((table, kind), values, entries(SHAPES[kind]), said)
        else:
            known = {k: p for k, p in PARAMETERS.items() if p.table == table}
            yield from _take_numbers((table,), content, known, into.numbers)


def _take_numbers(
    key: tuple[str, ...],
    values: Mapping[str, Any],
    known: Mapping[str, Parameter],
    into: dict[str, float],
) -> Iterator[_Fault]:
    for name, value in values.items():
        if name not in known:
            yield (*key, name), _unknown(name, known, "key")
            continue
        try:
            into[name] = known[name].checked(value)
        except ValueError as error:
            yield (*key, name), str(error)


def _unknown(name: str, known: Mapping[str, Any] | tuple[str, ...], what: str) -> str:
    if name in PARAMETERS:
        return f"belongs in [{PARAMETERS[name].table}]"
    near = difflib.get_close_matches(name, [*known], 1)
    if not near and what != "table":
        near = difflib.get_close_matches(name, NUMBERS, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"unknown {what}; {hint}"


def _place(text: str, key: tuple[str, ...]) -> str:
    """Return ``"line 3, "`` if a plain look at the text finds ``key`` or its table."""
    wanted, table, header = ".".join(key), "", ""
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.partition("#")[0].strip()
        if bare.startswith("["):
            table = bare.strip("[]").strip()
            if wanted == table or wanted.startswith(f"{table}."):
                header = f"line {number}, "
            continue
        entry = bare.partition("=")[0].strip().strip("\"'")
        if entry and ".".join(filter(None, (table, entry))) == wanted:
            return f"line {number}, "
    return header
