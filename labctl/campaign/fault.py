"""What is wrong with a campaign: file, line, key and cure of each fault, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from labctl.errors import CampaignError
from labctl.tomlplace import line_of

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong.

    Attributes
    ----------
    file, line
        Where; the line from 1, None where it is not known.
    key
        Which entry.
    text
        What is wrong, and what would be right.
    """

    file: str
    line: int | None
    key: str
    text: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" if self.line else self.file
        return f"{where}, {self.key}: {self.text}" if self.key else f"{where}: {self.text}"

    def to_json(self) -> dict[str, object]:
        """Return the fields by name."""
        return {"file": self.file, "line": self.line, "key": self.key, "text": self.text}


class Source(Protocol):
    """Where the entries of a plan come from."""

    def line(self, key: Key) -> int | None:
        """Return the line of a key, or of the nearest entry around it."""
        ...


@dataclass(frozen=True, slots=True)
class TomlSource:
    """The text of a TOML file."""

    text: str

    def line(self, key: Key) -> int | None:
        """Return the line of a key, or of the nearest table around it."""
        return line_of(self.text, key)


@dataclass(slots=True)
class ScriptSource:
    """The lines of a script by which each entry was made."""

    lines: dict[Key, int] = field(default_factory=dict)

    def line(self, key: Key) -> int | None:
        """Return the line of an entry, or of the nearest one around it."""
        known = (key[:length] for length in range(len(key), -1, -1))
        return next((self.lines[part] for part in known if part in self.lines), None)


class Faults:
    """Faults as they are found, each of them once."""

    def __init__(self) -> None:
        self._found: dict[Fault, None] = {}

    def add(self, file: str, source: Source | None, key: Key, label: str, text: str) -> None:
        """Note a fault at a key of a file; ``label`` is what the key is called for people."""
        line = None if source is None else source.line(key)
        self._found[Fault(file, line, label, text)] = None

    @property
    def found(self) -> list[Fault]:
        """All faults, by file and line."""
        return sorted(self._found, key=lambda fault: (fault.file, fault.line or 0))


def error_of(source: str, faults: Iterable[Fault]) -> CampaignError:
    """Return the error that tells all faults."""
    faults = list(faults)
    lines = [f"  {fault}" for fault in faults]
    count = "a fault" if len(lines) == 1 else f"{len(lines)} faults"
    error = CampaignError(f"Campaign {source} has {count}; nothing was run:\n" + "\n".join(lines))
    error.faults = faults
    return error
