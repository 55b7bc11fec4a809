import base64
import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from labctl.analysis.figures import Curve
from labctl.analysis.report import write_report
from labctl.analysis.report_data import (
    Headline,
    InstrumentRow,
    Posterior,
    Predictions,
    ReportData,
    RunRow,
    Trace,
)
from tests.analysis import synthetic

FIGURES = (
    "chip_map", "distributions", "forming", "transitions", "transition_map", "learning_trace",
    "posterior_check", "calibration", "uncertain",
)  # fmt: skip
VOID = {"meta", "img", "br", "link", "hr"}


class Page(HTMLParser):
    """Checks that tags close in order; keeps ids, images and words."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.images: list[dict[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []
        assert len(set(self.ids)) == len(self.ids)
        self.text = re.sub(r"\s+", " ", "".join(self.words))  # narrow spaces become plain ones

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def bare(**more) -> ReportData:
    given = {
        "title": "Nothing yet", "bench": "b", "chip": "c", "shape": (4, 4), "date": "today",
        "seed": None, "version": "0.1",
    }  # fmt: skip
    return ReportData(**(given | more))


def full(**more) -> ReportData:
    rng = np.random.default_rng(18)
    formed = synthetic.forming(rng)
    chain = synthetic.chain(rng, steps=600)
    p = synthetic.predictions(rng)
    g = np.linspace(10e-6, 150e-6, 40)
    given = {
        "title": "A posterior learned on the chip",
        "bench": "Simulated bench",
        "chip": "sim-16x16",
        "shape": synthetic.SHAPE,
        "date": pd.Timestamp("2026-11-23 20:14").to_pydatetime(),
        "seed": 7,
        "version": "0.1.0",
        "summary": "253 of 256 cells formed.",
        "headline": Headline(
            test_accuracy=0.9737,
            test_samples=114,
            nll=0.0791,
            ece=0.0213,
            mean_error=0.0834,
            sd_ratio=1.112,
            ess=612,
            ess_note="smallest weight",
            pulses=124113,
            reads=310221,
            relay_closures=731201,
            bench_time=5021,
            wall_time=83,
            write_energy=3.3e-5,
            read_energy=1.1e-4,
        ),
        "forming": formed,
        "cells": synthetic.read_map(rng, formed),
        "cells_later": synthetic.read_map(rng, formed, 0.5),
        "transitions": synthetic.transitions(rng, 800),
        "set_fit": Curve(g, synthetic.set_step(g), np.full(40, 2e-6)),
        "reset_fit": Curve(g, synthetic.reset_step(g)),
        "window": (10e-6, 150e-6),
        "trace": Trace(
            step=chain.step,
            score=chain.log_posterior,
            weights=chain.weights[:, :4],
            names=["bias", "a", "b", "c"],
            reference_mean=chain.reference_mean[:4],
            reference_sd=chain.reference_sd[:4],
        ),
        "posterior": Posterior(
            mean=chain.weights.mean(0),
            sd=chain.weights.std(0),
            reference_mean=chain.reference_mean,
            reference_sd=chain.reference_sd,
        ),
        "predictions": Predictions(
            probability=p.probability,
            label=p.label,
            aleatoric=p.aleatoric,
            epistemic=p.epistemic,
            sample=p.sample,
            classes=("malignant", "benign"),
        ),
        "runs": [
            RunRow(
                folder="data/2026-11-23/0001-form", procedure="form", status="finished", rows=256
            )
        ],
        "instruments": [
            InstrumentRow(
                name="smu", identity="Keithley 2636B (serial 1)", address="GPIB0::26::INSTR"
            )
        ],
        "settings": {"SET pulse": "1.1 V"},
        "notes": ["Two cells were left out."],
    }
    return ReportData(**(given | more))


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> tuple[ReportData, str, Page]:
    data = full()
    path = write_report(tmp_path_factory.mktemp("report") / "new folder" / "report.html", data)
    text = path.read_text(encoding="utf-8")
    return data, text, Page(text)


def test_every_figure_is_there_as_an_image_inside_the_page(report):
    _, _, page = report
    assert [name for name in page.ids if name in FIGURES] != []
    assert set(FIGURES) <= set(page.ids)
    assert len(page.images) == len(FIGURES)
    for image in page.images:
        kind, _, content = image["src"].partition(",")
        assert kind == "data:image/svg+xml;base64"
        assert b"</svg>" in base64.b64decode(content)
        assert len(image["alt"]) > 20


def test_the_page_needs_no_network_and_no_script(report):
    _, text, page = report
    assert not {"script", "link", "iframe"} & set(page.tags)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)


@pytest.mark.parametrize(
    "words",
    [
        "A posterior learned on the chip", "Simulated bench", "sim-16x16", "16 × 16 cells",
        "2026-11-23 20:14", "Seed 7", "labctl 0.1.0", "253 of 256 cells formed.",
        "97.4 %", "114 test samples", "0.0791", "2.13 %", "0.0834", "1.11", "612",
        "124 113", "310 221 reads", "731 201", "1 h 23 min", "took 1 min 23 s here", "143 µJ",
        "pulses 33 µJ, reads 110 µJ",
        "data/2026-11-23/0001-form", "finished", "256", "Keithley 2636B (serial 1)",
        "GPIB0::26::INSTR", "SET pulse", "1.1 V", "Two cells were left out.",
        "P: probability of benign", "Fig. 1.", "Fig. 9.",
    ],
)  # fmt: skip
def test_every_value_given_is_on_the_page(report, words):
    assert words in report[2].text


def test_goals_reached_and_missed_are_marked(report):
    text = report[2].text
    assert "✓ goal ≤ 0.10" in text
    assert "✗ goal 0.95 to 1.05" in text
    assert "✗ goal ≥ 1 000; smallest weight" in text


def test_the_table_names_the_most_uncertain_sample_first(report):
    data, text, _ = report
    p = data.predictions
    order = np.argsort(-(p.aleatoric + p.epistemic), kind="stable")[: data.uncertain_samples]
    table = text[text.index('id="uncertain_samples"') :]
    table = table[: table.index("</table>")]
    shown = re.findall(r"<tr><td>(\d+)</td>", table)
    assert shown == [str(name) for name in p.sample[order]]
    wrong = (p.probability[order] > 0.5) != (p.label[order] > 0)
    assert table.count("✗</span>") == wrong.sum()


def test_a_report_about_nothing_says_no_data_everywhere(tmp_path):
    page = Page(write_report(tmp_path / "empty.html", bare()).read_text(encoding="utf-8"))
    assert set(FIGURES) <= set(page.ids)
    assert page.text.count("no data") == 3
    assert page.text.count("–") >= 10
    assert "nan" not in page.text.lower()


def test_tables_without_rows_and_readings_without_values_are_no_obstacle(tmp_path):
    whole = full()
    data = bare(
        forming=whole.forming.iloc[:0],
        cells=whole.cells.iloc[:0],
        transitions=whole.transitions.iloc[:0],
        headline=Headline(nll=float("nan"), ess=float("nan"), write_energy=0.0),
    )
    page = Page(write_report(tmp_path / "a.html", data).read_text(encoding="utf-8"))
    assert "0 J" in page.text
    flagged = whole.cells.assign(conductance=np.nan, flag=1)
    failed = whole.forming.assign(formed=False, voltage=np.nan)
    data = bare(cells=flagged, forming=failed, shape=synthetic.SHAPE)
    Page(write_report(tmp_path / "b.html", data).read_text(encoding="utf-8"))


def test_hostile_names_are_printed_and_not_obeyed(tmp_path):
    evil = '<script>alert("1")</script>&<b>'
    data = full(
        title=evil, bench=evil, chip=evil, date=evil, version=evil, summary=evil,
        runs=[RunRow(folder=evil, procedure=evil, status=evil)],
        instruments=[InstrumentRow(name=evil, identity=evil, address=evil, role=evil)],
        settings={evil: evil}, notes=[evil], cells_later_label=evil + "$\\frac{$",
        headline=Headline(ess=1.0, ess_note=evil),
    )  # fmt: skip
    data.predictions = Predictions(
        probability=[0.5], label=[1], aleatoric=[0.6], epistemic=[0.01], sample=[evil],
        classes=(evil, evil),
    )  # fmt: skip
    page = Page(write_report(tmp_path / "evil.html", data).read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert page.text.count(evil) >= 18
