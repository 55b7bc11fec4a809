"""What ``labctl engine …`` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from labctl.console import console
from labctl.errors import EngineError
from labctl.quantity import show_duration

PLACES = ("up", "down", "first", "last")


def show_status(status: Mapping[str, Any], as_json: bool = False) -> None:
    """Print what an engine said of itself."""
    if as_json:
        print(json.dumps(status))
        return
    rows, columns = status["shape"]
    _line(f"{status['bench']}  ({status['bench_file']})")
    _line(f"engine     process {status['pid']}: {status['state']}; runs go to "
          f"{status['data_root']}")  # fmt: skip
    _line(f"chip       {status['chip']}, {rows} x {columns} cells")
    if status["latched"]:
        _line(
            f"latched    {status['latched']}; look at the bench, then `labctl engine acknowledge`",
            "bold red",
        )
    if (current := status["current"]) is not None:
        _line(f"now        job {current['id']}, {_progress(current)}")
        if current["run"]:
            _line(f"           {current['run']}")
        if current["waiting"]:
            _line(f"           {current['waiting']}", "yellow")
    if (last := status["last"]) is not None:
        _line(f"last       {_ended(last)}")
    if (cut := status["unfinished"]) is not None:
        _line(
            f"unfinished {_ended(cut)}\n           `labctl engine queue add --resume "
            f"{cut['run']}` goes on with it, `labctl engine queue dismiss` lets it be",
            "yellow",
        )
    for notice in status["notices"]:
        _line(f"notice     {notice}", "yellow")
    _show_queue(status)


def show_queue(status: Mapping[str, Any], as_json: bool = False) -> None:
    """Print the runs that wait."""
    if as_json:
        print(json.dumps({"held": status["held"], "queue": status["queue"]}))
    else:
        _show_queue(status)


def words_of(entry: Mapping[str, Any]) -> str:
    """Return the parameters of a run as they are written on the command line."""
    return " ".join(f"{name}={_written(value)}" for name, value in entry["parameters"].items())


def place_of(word: str) -> int | str:
    """Return the place in the queue (0: next) that a user means.

    Raises
    ------
    EngineError
        Where it is neither a number from 1 on nor up, down, first or last.
    """
    if word in PLACES:
        return word
    if word.isdecimal() and int(word) > 0:
        return int(word) - 1
    raise EngineError(f"{word!r} is no place: name 1 (next), 2, ..., or {', '.join(PLACES)}.")


def _show_queue(status: Mapping[str, Any]) -> None:
    waiting = status["queue"]
    _line(f"queue      {len(waiting)} waiting" if waiting else "queue      empty")
    if status["held"]:
        _line(f"held       {status['held']} `labctl engine queue release` lets it go on.", "yellow")
    if not waiting:
        return
    table = Table("place", "job", "procedure", "parameters", box=None)
    for place, entry in enumerate(waiting, 1):
        what = Text(f"rest of {entry['resumes']}" if entry["resumes"] else words_of(entry))
        if entry["problem"]:
            what.append(f"\n{entry['problem']}", "red")
        table.add_row(str(place), str(entry["id"]), entry["procedure"], what)
    console.print(table)


def _progress(current: Mapping[str, Any]) -> str:
    text = f"{current['procedure']}: {current['done']} of {current['total']} units"
    left = [
        f"{show_duration(current[key])} {words}"
        for key, words in (("eta_s", "left"), ("bench_eta_s", "of bench time left"))
        if current[key] is not None
    ]
    return f"{text}; {', '.join(left)}" if left else text


def _ended(run: Mapping[str, Any]) -> str:
    number = f"job {run['id']}, " if run["id"] else ""
    text = f"{number}{run['procedure']}: {run['status']}"
    text += f" in {run['run']}" if run["run"] else ""
    return f"{text}. {run['error']}" if run["error"] else text


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return f'"{text}"' if " " in text else text


def _line(text: str, style: str = "") -> None:
    console.print(text, style=style, markup=False, soft_wrap=True)
