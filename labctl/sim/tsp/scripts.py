"""Scripts on their way into a TSP instrument, and those in its nonvolatile memory.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Manage scripts".
"""

from __future__ import annotations

from typing import Any, NamedTuple

from labctl.sim.status import Refused
from labctl.sim.tsp.host import HostFunction
from labctl.sim.tsp.values import OUT_OF_MEMORY

MOST_SCRIPT = 1 << 20
"""Characters of one script."""
MOST_SAVED = 16 << 20
"""Characters of all saved scripts."""
LOADERS = ("loadscript", "loadandrunscript")
ILLEGAL_NAME = (-282, "Illegal program name")


class Loaded(NamedTuple):
    """A script that has come whole."""

    source: str
    name: str
    run: bool


class Scripts:
    """What a box knows of scripts outside of its Lua state.

    Attributes
    ----------
    loading
        Whether the lines that come belong to a script.
    saved
        Scripts in nonvolatile memory: text and autorun ("yes" or "no") by name.
    """

    def __init__(self) -> None:
        self.loading = False
        self.saved: dict[str, tuple[str, str]] = {}
        self._name, self._run = "", False
        self._lines: list[str] = []
        self._length = 0

    def begin(self, line: str) -> None:
        """Take the line ``loadscript NAME`` or ``loadandrunscript NAME``."""
        head, _, name = line.partition(" ")
        self.loading, self._run = True, head == "loadandrunscript"
        self._name, self._lines, self._length = name.strip(), [], 0

    def forget(self) -> None:
        """Forget a script that has come half."""
        self.loading, self._lines = False, []

    def take(self, line: str) -> Loaded | None:
        """Take a line of a script; return the script where it was the last.

        Raises Refused where the whole is too long or has no proper name.
        """
        if line != "endscript":
            self._length += len(line) + 1
            if self._length <= MOST_SCRIPT:
                self._lines.append(line)
            return None
        source, name = "\n".join(self._lines), self._name
        self.forget()
        if self._length > MOST_SCRIPT:
            raise Refused(*OUT_OF_MEMORY)
        if name and not (name.isidentifier() and name.isascii()):
            raise Refused(*ILLEGAL_NAME)
        return Loaded(source, name, self._run)

    def services(self) -> dict[str, HostFunction]:
        """Return what scripts.lua asks for."""
        return {
            "script_save": self._save,
            "script_saved": self._text,
            "script_delete": self._delete,
        }

    def _save(self, name: Any = "", source: Any = "", autorun: Any = "no", *file: Any) -> None:
        if file:
            raise Refused(2203, "Cannot open file")  # nothing is plugged into the USB port
        if not isinstance(name, str) or not isinstance(source, str) or not name:
            raise Refused(*ILLEGAL_NAME)
        if sum(len(text) for text, _ in self.saved.values()) + len(source) > MOST_SAVED:
            raise Refused(*OUT_OF_MEMORY)
        self.saved[name] = (source, str(autorun))

    def _text(self, name: Any = "", *given: Any) -> str | None:
        return self.saved.get(str(name), (None,))[0]

    def _delete(self, name: Any = "", *given: Any) -> None:
        self.saved.pop(str(name), None)
