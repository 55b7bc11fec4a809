"""From a campaign file, and those it includes, to a plan; every fault with file and line."""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from labctl.campaign.fault import Fault, Faults, Key, Source, TomlSource, error_of
from labctl.campaign.loops import Each, Range
from labctl.campaign.plan import Head, Plan, Step
from labctl.errors import CampaignError

_KINDS = frozenset({"list", "range", "each"})
"""What pydantic puts into a place beside the keys of the file."""


def load_plan(path: str | Path) -> Plan:
    """Return the plan of a campaign file (``.toml``) or script (``.py``).

    Raises
    ------
    CampaignError
        With file, line and cure of every fault in how it is written. Whether it can be run on a
        bench is found by :func:`labctl.campaign.check.check_plan`.
    """
    plan, faults = try_load(path)
    if plan is None or faults:
        raise error_of(str(path), faults)
    return plan


def try_load(path: str | Path) -> tuple[Plan | None, list[Fault]]:
    """Return the plan as far as there is one, and every fault in how it is written.

    Raises
    ------
    CampaignError
        Where there is no such file.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise CampaignError(
            f"There is no campaign file {path}. `labctl campaign new {path.stem}.toml` makes one."
        )
    if path.suffix == ".py":
        from labctl.campaign.script import load_script

        return load_script(path)
    faults = Faults()
    plan = _load(path, faults, ())
    return plan, faults.found


def plan_of(data: dict[str, Any], file: str, source: Source, faults: Faults) -> Plan | None:
    """Return the plan that decoded TOML, or a script's equal of it, describes; None if none.

    Parameters
    ----------
    data
        As ``tomllib`` gives it.
    file
        What to call it.
    source
        Finds the lines of its keys.
    faults
        Take what is wrong.
    """
    for name in ("path", "sources"):
        if name in data:
            faults.add(file, source, (name,), name, "unknown key")
            return None
    try:
        plan = Plan.model_validate(data)
    except ValidationError as error:
        texts: dict[Key, list[str]] = {}
        for item in error.errors():
            key, text = _explain(item, data)
            texts.setdefault(key, []).append(text)
        for key, found in texts.items():
            faults.add(file, source, key, label(key, data), " or ".join(dict.fromkeys(found)))
        return None
    _set_places(plan.step, file, ("step",))
    plan.path, plan.sources = file, {file: source}
    return plan


def label(key: Key, data: Any) -> str:
    """Return what a key is called for people: steps by their names instead of their numbers."""
    parts: list[str] = []
    for part in key:
        if isinstance(data, list):
            data = data[int(part)] if part.isdigit() and int(part) < len(data) else None
            name = data.get("name") if isinstance(data, dict) else None
            if parts and parts[-1] == "step":
                parts.pop()
            parts.append(str(name) if name else f"step {int(part) + 1}")
        else:
            data = data.get(part) if isinstance(data, dict) else None
            parts.append(part)
    return ".".join(parts)


def _load(path: Path, faults: Faults, around: tuple[Path, ...]) -> Plan | None:
    file = str(path)
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        faults.add(file, None, (), "", f"cannot be read: {error}")
        return None
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"line (\d+)", str(error))
        line = int(match[1]) if match else len(text.splitlines())
        faults.add(file, _Line(line), (), "", f"is no valid TOML: {error}")
        return None
    source = TomlSource(text)
    if around and isinstance(data.get("step"), list):
        data.setdefault("campaign", {"name": path.stem})
    plan = plan_of(data, file, source, faults)
    if plan is None:
        _look_into_includes(data, path, faults, (*around, path.resolve()), source)
        return None
    whole = True
    for step, _ in list(plan.walk()):
        if step.include is not None:
            inner = _include(step.include, path, faults, (*around, path.resolve()), source, step)
            if inner is None:
                whole = False
                continue
            step.step, step.include = inner.step, None  # from here on it is a group
            plan.values = {**inner.values, **plan.values}  # those of the including file win
            plan.sources |= inner.sources
    return plan if whole else None


class _Line:
    """One line, whatever the key."""

    def __init__(self, number: int) -> None:
        self._number = number

    def line(self, key: Key) -> int | None:
        return self._number


def _include(
    name: str, path: Path, faults: Faults, around: tuple[Path, ...], source: Source, step: Step
) -> Plan | None:
    key = (*step.place[1], "include")
    wanted = path.parent / name
    if wanted.resolve() in around:
        chain = [each.name for each in around[around.index(wanted.resolve()) :]]
        text = f"a cycle: {' includes '.join([*chain, wanted.name])}"
    elif not wanted.is_file():
        text = f"there is no file {wanted}"
    else:
        return _load(wanted, faults, around)
    faults.add(str(path), source, key, f"{step.name}.include", text)
    return None


def _look_into_includes(
    data: Any, path: Path, faults: Faults, around: tuple[Path, ...], source: Source
) -> None:
    """Find the faults of included files too where the including one has some of its own."""
    steps = data.get("step")
    for number, entry in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(entry, dict) and isinstance(entry.get("include"), str):
            step = Step.model_construct(
                name=str(entry.get("name", f"step {number + 1}")),
                place=(str(path), ("step", str(number))),
            )
            _include(entry["include"], path, faults, around, source, step)


def _set_places(steps: list[Step], file: str, key: Key) -> None:
    for number, step in enumerate(steps):
        step.place = (file, (*key, str(number)))
        _set_places(step.step, file, (*key, str(number), "step"))


def _explain(item: ErrorDetails, data: Any) -> tuple[Key, str]:
    """Return key and text of one pydantic error."""
    key = tuple(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = _known(key[:-1])
        near = difflib.get_close_matches(key[-1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
        return _plain(key), f"unknown key; {hint}"
    if item["type"] == "missing":
        return _plain(key), "missing; add it (`labctl campaign schema` explains each key)"
    value = item.get("input")
    shown = f" (is {value!r})" if isinstance(value, str | int | float | bool) else ""
    text = item["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _inside(_plain(key), data), text + shown


def _plain(key: Key) -> Key:
    """Return a key without the kinds that pydantic names in a loop."""
    return tuple(
        part
        for place, part in enumerate(key)
        if not (part in _KINDS and place >= 2 and key[place - 2] == "for")
    )


def _inside(key: Key, data: Any) -> Key:
    """Return the part of a key that the file has."""
    for length, part in enumerate(key):
        if isinstance(data, list) and part.isdigit() and int(part) < len(data):
            data = data[int(part)]
        elif isinstance(data, dict) and part in data:
            data = data[part]
        else:
            return key[:length]
    return key


def _known(key: Key) -> list[str]:
    """Return the keys that the table at ``key`` may have."""
    kind: Any = Plan
    if "for" in key:
        kind = Each if key[-1] == "each" else Range
    elif "step" in key:
        kind = Step
    elif key[:1] == ("campaign",):
        kind = Head
    hidden = {"place", "path", "sources"}
    fields = kind.model_fields.items()
    return sorted(field.alias or name for name, field in fields if name not in hidden)
