"""The main job end to end, small, in a process of its own."""

import json
import signal
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

import labctl

STEPS = 200


def start(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "labctl", "demo", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A short demo: its folder and what it printed."""
    out = tmp_path_factory.mktemp("demo") / "out"
    process = start("--out", str(out), "--steps", str(STEPS))
    printed, errors = process.communicate(timeout=110)
    assert process.returncode == 0, errors
    return out, printed


def test_the_demo_shows_bench_plan_and_results(demo):
    _, printed = demo
    for text in ("2636B", "2635B", "707B", "Estimated bench time", "test accuracy", "Report:"):
        assert text in printed


def test_every_stage_leaves_a_finished_run(demo):
    out, _ = demo
    found = [(run.procedure, run.status.value) for run in labctl.runs(out)]
    names = ("form", "read_map", "transitions", "sample_posterior", "read_map")
    assert found == [(name, "finished") for name in names]


def test_the_posterior_was_learned_by_pulses_on_62_cells(demo):
    out, _ = demo
    [run] = [run for run in labctl.runs(out) if run.procedure == "sample_posterior"]
    pulses = run.frame("pulses")
    assert len(pulses) == STEPS * 31
    assert len(pulses.groupby(["row", "col"])) == 62
    figures = json.loads((out / "demo.json").read_text())
    assert figures["accuracy"] > 0.93
    assert figures["mean_error"] < 1.0
    assert figures["relay_closures"] > 0
    assert figures["bench_time"] > 60


def test_the_report_is_one_page_with_all_its_figures(demo):
    out, _ = demo
    text = (out / "report.html").read_text(encoding="utf-8")
    assert "no data" not in text.lower()

    class Count(HTMLParser):
        images = 0

        def handle_starttag(self, tag, attrs):
            self.images += tag in ("img", "svg")

    count = Count()
    count.feed(text)
    assert count.images >= 8
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert 'src="http' not in text


def test_ctrl_c_leaves_readable_files_outputs_at_zero_and_no_traceback(tmp_path):
    out = tmp_path / "out"
    process = start("--out", str(out))
    try:
        wait_for(lambda: pulses_on_disk(out) > 1000, process)
    finally:
        process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "aborted" in errors
    assert str(out) in errors
    run = labctl.runs(out)[-1]
    assert run.status.value == "aborted"
    assert pulses_on_disk(out) > 1000


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    process = start("--out", str(tmp_path))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "not empty" in errors
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def pulses_on_disk(out) -> int:
    """Rows of transitions written so far."""
    runs = labctl.runs(out) if out.exists() else []
    found = [run for run in runs if run.procedure == "transitions"]
    return len(found[0].frame("transitions")) if found else 0


def wait_for(condition, process) -> None:
    """Wait in real time for another process; give up when it has ended."""
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)  # the other process works meanwhile
