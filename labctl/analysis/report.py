"""One self-contained page about a session: HTML with the figures inside, no script, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from labctl.analysis import quantities as q
from labctl.analysis import style
from labctl.analysis.figures.uncertain import most_uncertain
from labctl.analysis.report_data import Headline, ReportData
from labctl.analysis.report_figures import Plate, sections


@dataclass(frozen=True, slots=True)
class Card:
    """One key figure as printed; ``reached`` is None where there is no goal or no value."""

    label: str
    value: str
    note: str = ""
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """One figure as printed: its number, image and texts."""

    number: int
    name: str
    caption: str
    source: str
    columns: int


@dataclass(frozen=True, slots=True)
class UncertainRow:
    """One row of the table of uncertain samples, as printed."""

    sample: str
    probability: str
    truth: str
    right: bool
    total: str
    epistemic: str


def _goal(data: ReportData, name: str, value: float | None) -> tuple[str, bool | None]:
    """Return the text of a goal, and whether it is reached."""
    low, high = data.goals.get(name, (None, None))
    if low is None and high is None:
        return "", None
    if low is None:
        text = f"goal ≤ {q.number(high, 2)}"
    elif high is None:
        text = f"goal ≥ {q.count(low)}" if low >= 100 else f"goal ≥ {q.number(low, 2)}"
    else:
        text = f"goal {low:g} to {high:g}"
    if value is None or not np.isfinite(value):
        return text, None
    return text, (low is None or value >= low) and (high is None or value <= high)


def cards(data: ReportData) -> list[Card]:
    """Return the key figures: five of the model, five of what it cost."""
    h: Headline = data.headline
    samples = f"{q.count(h.test_samples)} test samples" if h.test_samples is not None else ""
    ess_goal, ess_reached = _goal(data, "ess", h.ess)
    reads = f"{q.count(h.reads)} reads" if h.reads is not None else ""
    wall = f"took {q.duration(h.wall_time)} here" if h.wall_time is not None else ""
    energy = None
    if h.write_energy is not None or h.read_energy is not None:
        energy = (h.write_energy or 0.0) + (h.read_energy or 0.0)
    parts = f"pulses {q.prefixed(h.write_energy, 'J')}, reads {q.prefixed(h.read_energy, 'J')}"
    return [
        Card("Test accuracy", q.percent(h.test_accuracy), samples),
        Card("NLL", q.number(h.nll), "nat per sample"),
        Card("ECE", q.percent(h.ece), "calibration error"),
        Card("Mean error", q.number(h.mean_error), *_goal(data, "mean_error", h.mean_error)),
        Card("Sd ratio", q.number(h.sd_ratio), *_goal(data, "sd_ratio", h.sd_ratio)),
        Card(
            "Effective samples",
            q.count(h.ess),
            "; ".join(filter(None, (ess_goal, h.ess_note))),
            ess_reached,
        ),
        Card("Pulses", q.count(h.pulses), reads),
        Card("Relay closures", q.count(h.relay_closures), ""),
        Card("Bench time", q.duration(h.bench_time), wall),
        Card("Energy in the cells", q.prefixed(energy, "J"), parts if energy is not None else ""),
    ]


def uncertain_rows(data: ReportData) -> list[UncertainRow]:
    """Return the table of the most uncertain samples, most uncertain first."""
    p = data.predictions
    if p is None:
        return []
    probability = np.asarray(p.probability, dtype=np.float64).ravel()
    label = np.asarray(p.label).ravel()
    aleatoric = np.asarray(p.aleatoric, dtype=np.float64).ravel()
    epistemic = np.asarray(p.epistemic, dtype=np.float64).ravel()
    names = np.arange(probability.size) if p.sample is None else np.asarray(p.sample).ravel()
    total = aleatoric + epistemic
    return [
        UncertainRow(
            sample=str(names[i]),
            probability=q.percent(float(probability[i]), 2),
            truth=p.classes[int(label[i] > 0.5)],
            right=bool((probability[i] > 0.5) == (label[i] > 0.5)),
            total=f"{total[i]:.2f}",
            epistemic=f"{epistemic[i]:.2f}",
        )
        for i in most_uncertain(total, data.uncertain_samples)
    ]


def _pictures(plates: Sequence[Plate], first: int) -> list[Picture]:
    pictures = []
    for number, plate in enumerate(plates, first):
        svg = base64.b64encode(style.to_svg(plate.figure).encode()).decode()
        source = f"data:image/svg+xml;base64,{svg}"
        pictures.append(Picture(number, plate.name, plate.caption, source, plate.columns))
    return pictures


def render_report(data: ReportData) -> str:
    """Return the report as one HTML document."""
    return render_page(data, cards(data), sections(data), uncertain_rows(data))


def render_page(
    data: ReportData,
    figures: Sequence[Card],
    parts: Sequence[tuple[str, Sequence[Plate]]],
    uncertain: Sequence[UncertainRow] | None = None,
) -> str:
    """Return a page in the form of the report: head, key figures, sections, where it comes from.

    Parameters
    ----------
    data
        Its title, facts, summary, notes, runs, instruments and settings are shown.
    figures
        The key figures, five in a row.
    parts
        Title and figures of each section.
    uncertain
        Rows of the table of uncertain samples; None leaves the table out.
    """
    printed = []
    number = 1
    for title, plates in parts:
        printed.append((title, _pictures(plates, number)))
        number += len(plates)
    date = data.date.strftime("%Y-%m-%d %H:%M") if isinstance(data.date, datetime) else data.date
    environment = Environment(
        loader=PackageLoader("labctl.analysis"),
        autoescape=True,  # names come from bench files and instruments
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": q.duration, "count": q.count}
    return environment.get_template("report.html.j2").render(
        data=data,
        date=date,
        cards=figures,
        sections=printed,
        uncertain=uncertain,
    )


def write_report(path: str | Path, data: ReportData) -> Path:
    """Write the report and return its path.

    Parameters
    ----------
    path
        Of the ``.html`` file; its folder is made where it does not exist.
    data
        See :class:`~labctl.analysis.report_data.ReportData`.

    Raises
    ------
    OSError
        Where the file cannot be written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(render_report(data), encoding="utf-8")
    return target
