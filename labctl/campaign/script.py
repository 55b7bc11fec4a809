"""Campaigns as Python scripts: the same plan, built by calls instead of read from a file."""

from __future__ import annotations

import runpy
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labctl.campaign.fault import Fault, Faults, Key, ScriptSource, error_of
from labctl.campaign.loading import plan_of
from labctl.campaign.plan import Plan


class Campaign:
    """Builds a plan, step by step; nothing is run, and nothing is checked before :meth:`plan`.

    Every method that adds a step takes the keys of a campaign file as keywords; ``if`` and ``for``
    are called ``when`` and ``over`` here, because Python has these words itself.

    Parameters
    ----------
    name
        Of the campaign.
    head
        ``description``, ``on_error``, ``tags``, ``seed``.

    Examples
    --------
    >>> campaign = Campaign("short", seed=7)
    >>> campaign.run("form", cells="0..3,0..3")
    >>> campaign.stop("Too few cells formed.", when="form.yield < 0.9")
    >>> with campaign.group("targets", over={"target": ["20 µS", "50 µS"]}):
    ...     campaign.run("program", cells="0..3,0..3", target="= target", tolerance="4 µS")
    ...     campaign.wait("1 h")
    >>> [step.name for step, around in campaign.plan().walk()]
    ['form', 'stop_1', 'targets', 'program', 'wait_1']
    """

    def __init__(self, name: str, **head: Any) -> None:
        self._data: dict[str, Any] = {"campaign": {"name": name, **head}, "step": []}
        self._into: list[Any] = self._data["step"]
        self._key: Key = ("step",)
        self._file = sys._getframe(1).f_code.co_filename
        self._source = ScriptSource()
        self._count: dict[str, int] = {}
        self._note_line((), sys._getframe(1).f_lineno)

    def value(self, name: str, value: Any) -> None:
        """Give a value a name, for expressions."""
        self._note_line(("values", name), sys._getframe(1).f_lineno)
        self._data.setdefault("values", {})[name] = value

    def run(
        self,
        procedure: str,
        *,
        name: str | None = None,
        when: str | None = None,
        over: Mapping[str, Any] | None = None,
        step: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> None:
        """Add a run of a procedure.

        Parameters
        ----------
        procedure
            Its name.
        name
            Of the step; the procedure's where None.
        when, over
            Condition and loops.
        step
            Further keys of the step: ``on_error``, ``tags``, ``repeat``, ``until``, ``seed``,
            ``note``, ``together``.
        parameters
            Of the procedure.
        """
        keys = {"procedure": procedure, "parameters": parameters, **(step or {})}
        self._add(name or procedure, when, over, keys)

    def wait(self, duration: float | str, *, name: str | None = None, **keys: Any) -> None:
        """Add a wait in bench time."""
        self._add_plain("wait", duration, name, keys)

    def note(self, text: str, *, name: str | None = None, **keys: Any) -> None:
        """Add a note to the record."""
        self._add_plain("note", text, name, keys)

    def stop(self, text: str, *, name: str | None = None, **keys: Any) -> None:
        """Add an end of the campaign, with a condition ``when``."""
        self._add_plain("stop", text, name, keys)

    def skip(self, text: str, *, name: str | None = None, **keys: Any) -> None:
        """Add a way to the next pass of the group around, with a condition ``when``."""
        self._add_plain("skip", text, name, keys)

    def report(self, title: str, *, name: str | None = None, **keys: Any) -> None:
        """Add the data sheet of what was measured so far."""
        self._add_plain("report", title, name, keys)

    @contextmanager
    def group(
        self, name: str, *, when: str | None = None, over: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> Iterator[None]:  # fmt: skip
        """Put the steps added inside into one group, with loops and condition of its own."""
        entry = self._entry(name, when, over, {"step": [], **keys})
        key = (*self._key, str(len(self._into)))
        self._note_line(key, sys._getframe(2).f_lineno)
        before = self._into, self._key
        self._into.append(entry)
        self._into, self._key = entry["step"], (*key, "step")
        try:
            yield
        finally:
            self._into, self._key = before

    def plan(self) -> Plan:
        """Return the plan.

        Raises
        ------
        CampaignError
            With every fault in how it is written, and the line of the script.
        """
        plan, faults = self.try_plan()
        if plan is None:
            raise error_of(self._file, faults)
        return plan

    def try_plan(self) -> tuple[Plan | None, list[Fault]]:
        """Return the plan as far as there is one, and every fault in how it is written."""
        faults = Faults()
        return plan_of(self._data, self._file, self._source, faults), faults.found

    def _add_plain(self, action: str, value: Any, name: str | None, keys: dict[str, Any]) -> None:
        when, over = keys.pop("when", None), keys.pop("over", None)
        if name is None:
            self._count[action] = self._count.get(action, 0) + 1
            name = f"{action}_{self._count[action]}"
        self._add(name, when, over, {action: value, **keys})

    def _add(
        self, name: str, when: str | None, over: Mapping[str, Any] | None, keys: dict[str, Any]
    ) -> None:
        frame: Any = sys._getframe(1)
        while frame.f_code.co_filename == __file__:
            frame = frame.f_back
        self._note_line((*self._key, str(len(self._into))), frame.f_lineno)
        self._into.append(self._entry(name, when, over, keys))

    @staticmethod
    def _entry(
        name: str, when: str | None, over: Mapping[str, Any] | None, keys: dict[str, Any]
    ) -> dict[str, Any]:
        entry = {"name": name, **keys}
        if when is not None:
            entry["if"] = when
        if over is not None:
            entry["for"] = dict(over)
        return entry

    def _note_line(self, key: Key, line: int) -> None:
        self._source.lines[key] = line


def load_script(path: Path) -> tuple[Plan | None, list[Fault]]:
    """Return the plan of the one :class:`Campaign` that a script leaves behind, and its faults.

    The script is executed, as any script of one's own; a campaign in it runs nothing.
    """
    faults = Faults()
    try:
        left = runpy.run_path(str(path), run_name="<campaign>")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - told with its line, whatever it is
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == str(path)]
        line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
        source = ScriptSource({} if line is None else {(): line})
        faults.add(str(path), source, (), "", f"{type(error).__name__}: {error}")
        return None, faults.found
    found = list({id(item): item for item in left.values() if isinstance(item, Campaign)}.values())
    if len(found) != 1:
        what = "no labctl.Campaign" if not found else f"{len(found)} of labctl.Campaign"
        faults.add(str(path), None, (), "", f"the script leaves {what} behind; it makes one")
        return None, faults.found
    return found[0].try_plan()


__all__ = ["Campaign", "load_script"]
