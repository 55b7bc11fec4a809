"""The data sheet of a campaign: one self-contained page, and its figures as files beside it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import labctl
from labctl.analysis import quantities as q
from labctl.analysis import style
from labctl.analysis.report import Card, render_page
from labctl.analysis.report_data import InstrumentRow, ReportData, RunRow
from labctl.campaign.plates import Measured, Sheet
from labctl.campaign.record import Record
from labctl.errors import StoreError

_ROLES = {"word_line": "gate", "bit_line": "bit line", "source_line": "source line"}


def write_data_sheet(record: Record, title: str) -> Path:
    """Write the data sheet of what a campaign has measured so far; return its path.

    It is ``data-sheet.html`` in the folder of the campaign; each figure is in ``figures`` there
    as well, as PNG.

    Raises
    ------
    StoreError
        Where the folder cannot be written.
    """
    measured = [Measured(entry["step"], entry["ended"], run) for _, entry, run in record.runs()]
    rows, columns = record.state["shape"]
    sheet = Sheet(measured, (rows, columns))
    sections = sheet.sections()
    target = record.path / "data-sheet.html"
    try:
        folder = record.path / "figures"
        folder.mkdir(exist_ok=True)
        for _, plates in sections:
            for plate in plates:
                style.save(plate.figure, folder / f"{plate.name}.png")
        page = render_page(_page(record, measured, title), _cards(record, sheet), sections)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise StoreError(f"Cannot write the data sheet {target}: {error}.") from error
    return target


def _page(record: Record, measured: list[Measured], title: str) -> ReportData:
    state, plan = record.state, record.plan
    meta = measured[0].run.meta if measured else {}
    rows, columns = state["shape"]
    return ReportData(
        title=title,
        bench=state["bench"],
        chip=state["chip"],
        shape=(rows, columns),
        date=datetime.now().astimezone(),
        seed=plan.campaign.seed,
        version=labctl.__version__,
        summary=plan.campaign.description,
        runs=[_row(each) for each in measured],
        instruments=_instruments(meta),
        settings={
            "campaign": f"{state['number']:04d}-{state['name']}",
            "begun": state["created"][:16].replace("T", " "),
            "bench time": q.duration(state["time"]),
        },
        notes=[f"{note['step']}: {note['text']}" for note in state["notes"]],
    )


def _cards(record: Record, sheet: Sheet) -> list[Card]:
    runs = len(list(record.runs()))
    time = Card("Bench time", q.duration(record.state["time"]), f"{runs} runs")
    return [*sheet.cards(), time]


def _row(each: Measured) -> RunRow:
    run = each.run
    progress = run.meta.get("progress") or {}
    return RunRow(
        folder=f"{run.path.parent.name}/{run.path.name}",
        procedure=each.step if each.step == each.procedure else f"{each.step} ({each.procedure})",
        status=run.status.value,
        rows=sum((run.meta.get("rows") or {}).values()),
        bench_time=progress.get("bench_elapsed_s"),
    )


def _instruments(meta: dict[str, Any]) -> list[InstrumentRow]:
    if not meta:
        return []
    file = meta["bench_file"]
    roles: dict[str, list[str]] = {}
    for name, table in file["terminals"].items():
        if table is not None:
            text = f"{_ROLES.get(name, name)} ({table['channel']})"
            roles.setdefault(table["instrument"], []).append(text)
    mainframes = file["matrix"]["instrument"]
    for name in [mainframes] if isinstance(mainframes, str) else mainframes:
        roles[name] = ["switch matrix"]
    return [
        InstrumentRow(
            name=name,
            identity=identity,
            address=file["instruments"][name]["address"],
            role=", ".join(roles.get(name, [])),
        )
        for name, identity in meta["identities"].items()
    ]
