"""What is logged during a run, as lines in its folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

FILE = "log.txt"
LEVELS = {
    "labctl": logging.INFO,
    "drivers": logging.INFO,
    "procedures": logging.INFO,
    "pymeasure": logging.WARNING,
    "pyvisa": logging.WARNING,
    "py.warnings": logging.WARNING,
}
"""Loggers of which a run keeps lines, from these levels on."""


class RunLog(logging.Handler):
    """Adds a line to the log of a run for each thing logged while it is attached.

    Whoever else listens to these loggers hears what was heard before, and no more: this handler
    stands between them and hands on what they would have got. A line that the disk does not take
    is tried again with the next one.

    Parameters
    ----------
    folder
        Of the run.
    stamp
        Returns the time of day.
    """

    def __init__(self, folder: Path, stamp: Callable[[], str]) -> None:
        super().__init__()
        self._file, self._stamp = folder / FILE, stamp
        self._waiting: list[str] = []
        self._before: dict[str, tuple[int, int]] = {}  # own level, level in effect

    @property
    def lost(self) -> int:
        """How many lines the disk has not taken."""
        return len(self._waiting)

    def attach(self) -> None:
        """Begin to listen."""
        for name, level in LEVELS.items():
            logger = logging.getLogger(name)
            if logger.propagate:  # else somebody wants it apart, or another run has it already
                effective = logger.getEffectiveLevel()
                self._before[name] = (logger.level, effective)
                logger.setLevel(min(level, effective))
                logger.propagate = False
            logger.addHandler(self)

    def detach(self) -> None:
        """Listen no more."""
        for name in LEVELS:
            logger = logging.getLogger(name)
            logger.removeHandler(self)
            if name in self._before:
                logger.setLevel(self._before[name][0])
                logger.propagate = True
        self._before.clear()

    def emit(self, record: logging.LogRecord) -> None:
        """Add a line, and hand the record on to those who would have heard it."""
        base = next(n for n in LEVELS if record.name == n or record.name.startswith(f"{n}."))
        if record.levelno >= LEVELS[base]:
            text = self.format(record).replace("\n", "\n    ")
            line = f"{self._stamp()} {record.levelname:<7} {record.name}: {text}\n"
            self._waiting.append(line)
            self._write()
        if base in self._before and self._was_heard(record, base):
            logger = logging.getLogger(base)
            others = [each for each in logger.handlers if not isinstance(each, RunLog)]
            if logger.parent is not None and (logger.parent.hasHandlers() or not others):
                logger.parent.callHandlers(record)

    def _was_heard(self, record: logging.LogRecord, base: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None and logger.name != base:
            if logger.level:
                return True  # a level of its own, which the record has passed
            logger = logger.parent
        return record.levelno >= self._before[base][1]

    def _write(self) -> None:
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write("".join(self._waiting))
        except OSError:
            return  # they wait for the next line; what never got there is counted in run.json
        self._waiting.clear()


def log_lines(folder: Path) -> list[str]:
    """Return the lines of the log of a run; a line that goes on has four spaces before it."""
    try:
        return (folder / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []
