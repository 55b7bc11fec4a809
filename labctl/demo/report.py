"""From the runs of a demo to its report and its key figures."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

import labctl
from labctl.analysis.report_data import (
    Curve,
    Headline,
    InstrumentRow,
    Posterior,
    Predictions,
    ReportData,
    RunRow,
    Trace,
)
from labctl.learn.reference import reference
from labctl.learn.source import measured
from labctl.quantity import show

if TYPE_CHECKING:
    from labctl.demo.road import Session
    from labctl.learn.calibration import Calibration
    from labctl.learn.posterior import Moments
    from labctl.store import Run

SHOWN_WEIGHTS = (0, 1, 8, 11, 21, 28)
"""Weights whose traces are drawn: the intercept and some of broad and narrow posterior."""
_ROLES = {"word_line": "gate", "bit_line": "bit line", "source_line": "source line"}


def key_figures(session: Session) -> dict[str, Any]:
    """Return the figures of a demo, JSON-able: what the benchmark and the console show."""
    learned, formed = session.runs["learn"].summary, session.runs["form"].summary
    return {
        "labctl": labctl.__version__,
        "seed": session.seed,
        "cells": formed["cells"],
        "formed": formed["formed"],
        "accuracy": learned["test_accuracy"],
        **{
            key: learned[key]
            for key in (
                "nll", "ece", "mean_error", "sd_ratio", "sd_ratio_min", "sd_ratio_max", "ess_min",
                "r_hat_max", "most_uncertain", "warnings",
            )
        },
        **session.counters,
        "bench_time": session.bench_time,
        "wall_time": session.wall_time,
    }  # fmt: skip


def report_data(session: Session) -> ReportData:
    """Return everything the report shows."""
    runs, meta = session.runs, session.metadata
    learned = runs["learn"]
    shape = (int(meta["shape"][0]), int(meta["shape"][1]))
    calibration = measured(learned.summary["calibration_run"], session.folder, shape).calibration
    expected = reference("breast_cancer")
    assert expected is not None
    return ReportData(
        title="From a bench file to a posterior learned on the chip",
        bench=meta["bench"],
        chip=meta["chip"],
        shape=shape,
        date=datetime.now().astimezone(),
        seed=session.seed,
        version=labctl.__version__,
        summary=_story(session, calibration),
        headline=_headline(session),
        forming=runs["form"].frame("cells"),
        cells=runs["map"].frame("cells"),
        cells_later=runs["map again"].frame("cells"),
        transitions=runs["transitions"].frame("transitions"),
        set_fit=_curve(calibration, +1),
        reset_fit=_curve(calibration, -1),
        window=calibration.window,
        trace=_trace(learned, expected),
        posterior=Posterior(
            mean=learned.summary["posterior_mean"],
            sd=learned.summary["posterior_sd"],
            reference_mean=expected.mean,
            reference_sd=expected.sd,
        ),
        predictions=_predictions(learned.summary["predictions"]),
        runs=[_run_row(run) for run in runs.values()],
        instruments=_instruments(session),
        settings=_settings(learned, calibration),
        notes=learned.summary["warnings"],
    )


def _story(session: Session, calibration: Calibration) -> str:
    learned = session.runs["learn"]
    window = " to ".join(show(end, "S") for end in calibration.window)
    return (
        f"A {session.metadata['chip']} chip was formed and read, and its SET and RESET "
        f"transitions were measured with {calibration.pulses} single pulses. Between {window} "
        f"the two pulses balance with a mean step of {show(calibration.step, 'S')} and a spread "
        f"of {show(calibration.spread, 'S')}. These measured distributions then chose every one "
        f"of {learned.summary['pulses']} pulses by which 62 cells, as 31 differential pairs, "
        "sampled the posterior of a Bayesian logistic regression on the breast-cancer data."
    )


def _headline(session: Session) -> Headline:
    learned = session.runs["learn"].summary
    counters = session.counters
    return Headline(
        test_accuracy=learned["test_accuracy"],
        test_samples=learned["test_samples"],
        nll=learned["nll"],
        ece=learned["ece"],
        mean_error=learned["mean_error"],
        sd_ratio=learned["sd_ratio"],
        ess=learned["ess_min"],
        ess_note=f"smallest weight; R-hat {learned['r_hat_max']:.3f}",
        pulses=int(counters["pulses"]),
        reads=int(counters["reads"]),
        relay_closures=int(counters["relay_closures"]),
        bench_time=session.bench_time,
        wall_time=session.wall_time,
        write_energy=counters["write_energy"],
        read_energy=counters["read_energy"],
    )


def _curve(calibration: Calibration, polarity: int) -> Curve:
    grid = np.linspace(*calibration.window, 100)
    moments = calibration.curves.moments(grid)
    step = moments.up if polarity > 0 else -moments.down
    return Curve(grid, step, np.sqrt(moments.variance))


def _trace(learned: Run, expected: Moments) -> Trace:
    trace, draws = learned.frame("trace"), learned.frame("draws")
    shown = list(SHOWN_WEIGHTS)
    names = learned.summary["weights"]
    table = draws.pivot(index="step", columns="weight", values="value")
    every = max(len(table) // 1500, 1)  # more points than pixels only make the page heavy
    score = trace.set_index("step").log_posterior.reindex(table.index)
    return Trace(
        step=table.index.to_numpy()[::every],
        score=score.to_numpy()[::every],
        weights=table[shown].to_numpy()[::every],
        names=[names[k] for k in shown],
        reference_mean=expected.mean[shown],
        reference_sd=expected.sd[shown],
        burn_in=learned.parameters["burn_in"],
    )


def _predictions(found: dict[str, Any]) -> Predictions:
    first, second = found["classes"]
    return Predictions(
        probability=found["probability"],
        label=found["label"],
        aleatoric=found["aleatoric"],
        epistemic=found["epistemic"],
        sample=found["sample"],
        classes=(first, second),
    )


def _run_row(run: Run) -> RunRow:
    frames = [run.frame(table) for table in run.tables]
    progress = run.meta.get("progress") or {}
    return RunRow(
        folder=f"{run.path.parent.name}/{run.path.name}",
        procedure=run.procedure,
        status=str(run.status.value),
        rows=sum(len(frame) for frame in frames),
        bench_time=progress.get("bench_elapsed_s"),
    )


def _instruments(session: Session) -> list[InstrumentRow]:
    bench_file = session.metadata["bench_file"]
    roles: dict[str, list[str]] = {}
    for name, table in bench_file["terminals"].items():
        if table is not None:  # a passive array has no word line
            roles.setdefault(table["instrument"], []).append(f"{_ROLES[name]} ({table['channel']})")
    mainframes = bench_file["matrix"]["instrument"]
    for name in [mainframes] if isinstance(mainframes, str) else mainframes:
        roles[name] = ["switch matrix"]
    return [
        InstrumentRow(
            name=name, identity=identity, address=session.addresses[name],
            role=", ".join(roles.get(name, [])),
        )
        for name, identity in session.metadata["identities"].items()
    ]  # fmt: skip


def _settings(learned: Run, calibration: Calibration) -> dict[str, str]:
    chosen = learned.parameters
    return {
        "learning steps": f"{chosen['steps']}, burn-in {chosen['burn_in']}",
        "steps per draw": str(chosen["thin"]),
        "temperature": f"{chosen['temperature']:g}",
        "window": " to ".join(show(end, "S") for end in calibration.window),
        "mean steps in the window": f"{calibration.levels:.0f}",
        "cells good for learning": str(int(calibration.good.sum())),
        "coins saturated": f"{100 * learned.summary['saturated']:.1f} %",
    }
