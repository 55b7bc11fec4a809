"""The road: form, read, measure transitions, learn a posterior, report."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labctl import plugins
from labctl.bench import Bench
from labctl.console import console, print_bench, progress_bar
from labctl.engine.local import run
from labctl.errors import LabctlError
from labctl.paths import simulated_bench
from labctl.quantity import show, show_duration
from labctl.rendezvous import PROGRAM, claim
from labctl.store import Run

STEPS = 6000
MARK = ".labctl-demo"
"""A file that tells a folder is a demo's own and may be replaced by the next one."""


@dataclass(slots=True)
class Stage:
    """One procedure of the road.

    Attributes
    ----------
    name
        What the progress bar shows.
    procedure, parameters
        What is run.
    """

    name: str
    procedure: str
    parameters: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Session:
    """What a demo measured, for the report.

    Attributes
    ----------
    runs
        Finished run of each stage, by the name of the stage.
    wall_time
        s spent here.
    bench_time
        s the same would take on a bench.
    """

    folder: Path
    seed: int
    metadata: dict[str, Any]
    addresses: dict[str, str]
    runs: dict[str, Run] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)
    wall_time: float = 0.0
    bench_time: float = 0.0


def stages(steps: int) -> list[Stage]:
    """Return the road, with so many learning steps."""
    learning = {"steps": steps, "burn_in": max(steps // 10, 50)}
    return [
        Stage("form", "form"),
        Stage("map", "read_map"),
        Stage("transitions", "transitions"),
        Stage("learn", "sample_posterior", learning),
        Stage("map again", "read_map"),
    ]


def run_demo(out: Path, steps: int | None = None, seed: int = 7) -> Path:
    """Go the whole road and write the report.

    Parameters
    ----------
    out
        Folder of the runs and the report; an earlier demo there is replaced.
    steps
        Learning steps, one pulse per weight each.
    seed
        Of the chip and of everything random in the program.

    Returns
    -------
    Path
        The report.

    Raises
    ------
    LabctlError
        What ended the road; the runs so far are kept.
    """
    from labctl.demo.report import key_figures, report_data

    start = time.perf_counter()
    bench_file = _lay_out(out, seed)
    road = stages(steps or STEPS)
    with Bench.open(bench_file) as bench:
        print_bench(bench)
        _print_plan(bench, road)
        addresses = {name: table.address for name, table in bench.file.instruments.items()}
        session = Session(out, seed, bench.metadata(), addresses)
        began = bench.array.now()
        for stage in road:
            with progress_bar(stage.name, width=12) as on_progress:
                session.runs[stage.name] = run(
                    stage.procedure, bench, data=out, seed=seed, on_progress=on_progress,
                    **stage.parameters,
                )  # fmt: skip
            _print_stage(session.runs[stage.name])
        session.bench_time = bench.array.now() - began
        session.counters = asdict(bench.array.counters)
    session.wall_time = time.perf_counter() - start
    from labctl.analysis.report import write_report

    report = write_report(out / "report.html", report_data(session))
    figures = key_figures(session)
    (out / "demo.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
    _print_figures(figures, time.perf_counter() - start)
    console.print(f"\nReport: {report.resolve()}", soft_wrap=True)
    return report


def _lay_out(out: Path, seed: int) -> Path:
    """Make the folder and its bench file; replace nothing but an earlier demo."""
    try:
        if out.exists() and any(out.iterdir()):
            if not (out / MARK).exists():
                raise LabctlError(
                    f"{out} is not empty and no earlier demo. Name another folder with --out; "
                    "nothing was touched."
                )
            with claim(out / "bench.toml", PROGRAM):  # another demo may still be at work there
                shutil.rmtree(out)
        out.mkdir(parents=True, exist_ok=True)
        (out / MARK).touch()
        text = simulated_bench().read_text(encoding="utf-8")
        bench_file = out / "bench.toml"
        bench_file.write_text(text.replace("\nseed = 7\n", f"\nseed = {seed}\n"), encoding="utf-8")
    except OSError as error:
        raise LabctlError(f"Cannot write to {out}: {error}. Name another folder.") from error
    return bench_file


def _print_plan(bench: Bench, road: list[Stage]) -> None:
    console.print("\nEstimated bench time (what a real bench would need):")
    total = 0.0
    for stage in road:
        procedure = plugins.procedure(stage.procedure)(**stage.parameters)
        procedure.bind(bench.array)
        seconds = procedure.estimate()
        total += seconds
        console.print(f"  {stage.name:<12} {show_duration(seconds)}")
    console.print(f"  {'total':<12} {show_duration(total)}\n")


def _print_stage(done: Run) -> None:
    """Print in a line or two what a stage has shown."""
    from labctl.analysis.distributions import summarise

    name = done.procedure
    if name == "form":
        counts = done.summary
        console.print(f"             {counts['formed']} of {counts['cells']} cells formed")
    elif name == "read_map":
        found = summarise(done.frame("cells").conductance)
        console.print(
            f"             conductance: median {show(found.median, 'S')}, 5 to 95 %: "
            f"{show(found.percentiles[5.0], 'S')} to {show(found.percentiles[95.0], 'S')}"
        )
    elif name == "transitions":
        frame = done.frame("transitions")
        for polarity, label in ((1, "SET"), (-1, "RESET")):
            step = (frame.after - frame.before)[frame.polarity == polarity]
            console.print(
                f"             one {label}: {show(step.mean(), 'S')} in the mean, spread "
                f"{show(step.std(), 'S')}, {len(step)} pulses"
            )


def _print_figures(figures: dict[str, Any], spent: float) -> None:
    console.print("\nWhat was learned")
    for label, value in (
        ("test accuracy", f"{100 * figures['accuracy']:.1f} %"),
        ("test negative log-likelihood", f"{figures['nll']:.4f} nat"),
        ("expected calibration error", f"{figures['ece']:.4f}"),
        ("posterior mean error against NUTS", f"{figures['mean_error']:.3f} sd"),
        ("posterior sd ratio against NUTS", f"{figures['sd_ratio']:.3f}"),
        ("smallest effective sample size", f"{figures['ess_min']:.0f}"),
        ("R-hat, largest", f"{figures['r_hat_max']:.3f}"),
        ("pulses", f"{figures['pulses']}"),
        ("relay closures", f"{figures['relay_closures']}"),
        ("bench time", show_duration(figures["bench_time"])),
        ("energy, pulses / reads (device)",
         f"{show(figures['write_energy'], 'J')} / {show(figures['read_energy'], 'J')}"),
        ("time spent here", show_duration(spent)),
    ):  # fmt: skip
        console.print(f"  {label:<36} {value}")
    console.print("  most uncertain test samples")
    for sample in figures["most_uncertain"][:5]:
        console.print(
            f"    sample {sample['sample']:<4} {sample['class']:<10} "
            f"p = {sample['probability']:.2f}, epistemic {sample['epistemic']:.3f} nat"
        )
    for warning in figures["warnings"]:
        console.print(f"  note: {warning}")
