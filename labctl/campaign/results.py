"""What the names in a plan's expressions stand for while the campaign goes on: measured results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labctl.campaign.expression import ExpressionError
from labctl.campaign.naming import OWN, Names
from labctl.campaign.record import Path_, Record
from labctl.campaign.values import Truths, Value, column_unit, number
from labctl.errors import StoreError
from labctl.store import RunReader


@dataclass
class Results(Names):
    """Names whose results are read from the runs of a campaign.

    Attributes
    ----------
    record
        Of the campaign.
    path
        The pass that the expression belongs to: of steps inside the same groups, the same passes
        are meant.
    """

    record: Record = field(kw_only=True)
    path: Path_ = ()

    def look(self, parts: tuple[str, ...]) -> Value:
        """Return the value of a name."""
        if len(parts) == 1:
            return self.plain(parts[0])
        step, many = self.step(parts)
        unit, is_bool = self._declared(step, parts)
        entries = self.record.of_step(step.name, self.path)
        if len(parts) == 2 and parts[1] in OWN:
            wanted = ("finished",) if parts[1] == "done" else ("failed", "failed and left")
            found = np.array([entry["status"] in wanted for entry in entries], bool)
            return Truths(found if many else np.asarray(found.any()))
        runs = [
            RunReader(folder)
            for entry in entries
            if entry["status"] == "finished" and (folder := self.record.run_of(entry)) is not None
        ]
        if not runs:
            raise ExpressionError(
                f"step {step.name!r} has not been run; ask {step.name}.done first"
            )
        try:
            if len(parts) == 2:
                given = [_result(run, parts[1]) for run in runs]
                values: Any = np.asarray(given if many else given[-1])
                places = None
            else:
                values, places = self._column(runs if many else runs[-1:], *parts[1:])
        except StoreError as error:
            raise ExpressionError(str(error)) from error
        if is_bool:
            return Truths(values.astype(bool), places)
        return number(values, str(column_unit(unit)), places)

    def _column(self, runs: list[RunReader], table: str, column: str) -> tuple[Any, Any]:
        frames = [run.frame(table) for run in runs]
        values = np.concatenate([frame[column].to_numpy() for frame in frames])
        if not {"row", "col"} <= set(frames[0].columns):
            return values, None
        places = [frame[["row", "col"]].to_numpy(np.int64) for frame in frames]
        return values, np.concatenate(places)


def _result(run: RunReader, name: str) -> Any:
    summary = run.meta.get("summary") or {}
    if name not in summary:
        raise ExpressionError(f"run {run.path} has no result {name!r}")
    value = summary[name]
    if not isinstance(value, bool | int | float):
        raise ExpressionError(f"result {name!r} of run {run.path} is no number: {value!r}")
    return value
