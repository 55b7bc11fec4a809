"""Running campaigns on the simulated bench: loops, conditions, results, errors, breaks."""

import json

import numpy as np
import pytest

from labctl.bench import Bench
from labctl.campaign import Record, load_plan, resume_campaign, run_campaign
from labctl.errors import AbortedError, CampaignError, InstrumentError
from labctl.store import RunReader, Status, runs
from labctl.store.tags import read_tags
from tests.truth import Truth

FORM = """
[[step]]
name = "form"
procedure = "form"
parameters.cells = "0..1,0..2"
"""


@pytest.fixture
def go(bench_file, tmp_path, write):
    """Run a campaign on a fresh simulated chip; return its record."""
    path = bench_file()

    def run(text, head="", **how):
        with Bench.open(path) as bench:
            plan = load_plan(write(text, head=head))
            return run_campaign(plan, bench, data=tmp_path / "data", **how)

    def resume(which=1, **how):
        with Bench.open(path) as bench:
            return resume_campaign(which, bench, data=tmp_path / "data", **how)

    run.resume, run.bench, run.data = resume, path, tmp_path / "data"
    return run


def break_at(step, fraction=0.0, error=KeyboardInterrupt):
    """Break off when a step is so far."""

    def look(progress):
        if progress.step == step and progress.step_fraction >= fraction > 0.0:
            raise error
        if progress.step == step and fraction == 0.0:
            raise error

    return look


def statuses(record):
    return {key: entry["status"] for key, entry in record.entries.items()}


def parameters(record, key):
    return RunReader(record.run_of(record.entries[key])).meta["parameters"]


def test_steps_loops_conditions_and_results(go):
    record = go(
        '[values]\ngood = "= cells(form.cells.formed)"\n'
        + FORM
        + """
note = "Virgin: {1 + 1} x"
tags = ["first"]

[[step]]
name = "never"
if = "form.yield > 2"
stop = "Impossible."

[[step]]
name = "levels"
for.target = ["30 µS", "60 µS"]
for.cells = { each = "= some(good, 2)" }
  [[step.step]]
  name = "program"
  procedure = "program"
  parameters = { cells = "= cells", target = "= target", tolerance = "5 µS" }
  [[step.step]]
  name = "told"
  note = "{cells}: {target}, reached {median(program.cells.conductance)}, {program.yield}"
  [[step.step]]
  name = "enough"
  if = "target < 50 µS"
  skip = "Low."
  [[step.step]]
  name = "high"
  procedure = "read_map"
  parameters = { cells = "= cells(program.cells.ok)", repeats = 3 }

[[step]]
name = "again"
procedure = "program"
parameters.cells = "= some(good, 1)"
parameters.target = "= mean(program.cells.conductance)"
parameters.tolerance = "4 µS"

[[step]]
name = "rest"
wait = "2 h"
""",
        head='tags = ["all"]\n',
    )
    assert record.status == "finished"
    passes = [f"levels[{k}]" for k in range(4)]
    assert list(record.entries) == [
        "form[0]",
        *[f"{p}/{s}[0]" for p in passes[:2] for s in ("program", "told", "enough")],
        *[f"{p}/{s}[0]" for p in passes[2:] for s in ("program", "told", "high")],
        "again[0]",
        "rest[0]",
    ]
    assert set(statuses(record).values()) == {"finished"}
    formed = RunReader(record.run_of(record.entries["form[0]"]))
    assert formed.meta["note"] == "Virgin: 2 x"
    assert formed.meta["campaign"]["step"] == "form"
    assert formed.meta["campaign"]["id"] == record.state["id"]
    assert read_tags(formed.path) == ["all", "first"]
    first, last = "levels[0]/program[0]", "levels[3]/program[0]"
    assert parameters(record, first)["target"] == 30.0
    assert parameters(record, last)["target"] == 60.0
    assert parameters(record, first)["cells"] == record.entries[first]["variables"]["cells"]
    assert RunReader(record.run_of(record.entries[last])).meta["campaign"]["variables"] == {
        "target": "60 µS", "cells": parameters(record, last)["cells"]
    }  # fmt: skip
    programmed = [
        RunReader(record.run_of(record.entries[f"{p}/program[0]"])).frame("cells") for p in passes
    ]
    mean = np.mean([frame.conductance.iloc[0] for frame in programmed])
    # The unit of the parameter is µS, that of the result S.
    assert parameters(record, "again[0]")["target"] == pytest.approx(1e6 * mean)
    told = [note for note in record.state["notes"] if note["step"] == "told"]
    assert [note["text"].partition(":")[0] for note in told] == [
        parameters(record, f"{p}/program[0]")["cells"] for p in passes
    ]
    reached = 1e6 * programmed[0].conductance.iloc[0]
    assert told[0]["text"].endswith(f"30 µS, reached {reached:.4g} µS, 1")
    assert [n["text"] for n in record.state["notes"] if n["step"] == "enough"] == ["Low."] * 2
    rest = record.entries["rest[0]"]
    assert rest["ended"] - rest["began"] == pytest.approx(7200.0)
    seeds = [run.meta["seed"] for run in runs(go.data)]
    assert len(set(seeds)) == len(seeds)
    assert record.state["progress"]["fraction"] == 1.0


def test_a_campaign_with_a_seed_does_the_same_again(bench_file, tmp_path, write):
    plan = load_plan(
        write(FORM + '[[step]]\nname = "t"\nprocedure = "transitions"\n'
              'parameters = { cells = "0..1,0..2", passes = 4, repeats = 2 }\n')
    )  # fmt: skip
    frames = []
    for k in range(2):
        with Bench.open(bench_file()) as bench:
            record = run_campaign(plan, bench, data=tmp_path / str(k))
        frames.append([run.frame() for _, _, run in record.runs()])
        assert len(frames[-1]) == 2
    for one, other in zip(*frames, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_stop_ends_the_campaign_for_good(go):
    record = go(FORM + '[[step]]\nname = "s"\nstop = "Only {form.formed}."\nif = "form.yield < 2"\n'
                + '[[step]]\nname = "later"\nwait = 1\n')  # fmt: skip
    assert record.status == "stopped"
    assert record.state["error"].startswith("Only ")
    assert "later[0]" not in record.entries
    with pytest.raises(CampaignError, match="stopped; nothing of it is left"):
        go.resume()


def test_a_loop_ends_where_its_condition_is_reached_and_skips_go_on_with_the_next_pass(go):
    record = go(
        '[[step]]\nname = "g"\nfor.k = [1, 2, 3, 4, 5]\nuntil = "k >= 4"\n'
        '  [[step.step]]\n  name = "inner"\n  for.j = [1, 2]\n'
        '    [[step.step.step]]\n    name = "odd"\n    if = "k == 2"\n    skip = "two"\n'
        '    [[step.step.step]]\n    name = "n"\n    note = "{k} {j}"\n'
        '[[step]]\nname = "r"\nprocedure = "read_map"\nrepeat = 9\nparameters.cells = "0,0"\n'
        'until = "count(r.cells.conductance) == 1"\n'
    )
    said = [note["text"] for note in record.state["notes"] if note["step"] == "n"]
    assert said == ["1 1", "1 2", "3 1", "3 2", "4 1", "4 2"]
    assert [key for key in record.entries if key.startswith("r")] == ["r[0]"]


def test_a_result_is_that_of_the_same_pass_and_a_skip_leaves_groups_without_loops(go):
    record = go(
        FORM + '[[step]]\nname = "g"\nfor.k = [1, 2, 3]\n'
        '  [[step.step]]\n  name = "r"\n  procedure = "read_map"\n  if = "k != 2"\n'
        '  parameters = { cells = "0,0", repeats = "= k" }\n'
        '  [[step.step]]\n  name = "told"\n  note = "{k} {r.done}"\n'
        '  [[step.step]]\n  name = "plain"\n'
        '    [[step.step.step]]\n    name = "hop"\n    if = "not r.done"\n    skip = "hop"\n'
        '    [[step.step.step]]\n    name = "reads"\n'
        '    note = "{k} {count(r.cells.conductance)}"\n'
        '  [[step.step]]\n  name = "end"\n  note = "{k}"\n'
        '[[step]]\nname = "whole"\nnote = "{count(r.cells.conductance)} in {count(r.done)}"\n'
    )
    said = [(note["step"], note["text"]) for note in record.state["notes"]]
    assert said == [
        ("told", "1 true"), ("reads", "1 1"), ("end", "1"),
        ("told", "2 false"), ("hop", "hop"),
        ("told", "3 true"), ("reads", "3 3"), ("end", "3"),
        ("whole", "4 in 2"),
    ]  # fmt: skip


def test_no_cells_are_no_passes_and_a_missing_result_fails_with_its_place(go):
    with pytest.raises(CampaignError, match=r"Step late\[0\], if: step 'r' has not been run"):
        go(
            FORM + '[[step]]\nname = "r"\nprocedure = "read_map"\nparameters.cells = "= c"\n'
            'for.c = { each = "= cells(not form.cells.formed and form.cells.formed)" }\n'
            '[[step]]\nname = "told"\nnote = "{count(r.done)} {any(r.done)}"\n'
            '[[step]]\nname = "late"\nnote = "x"\nif = "mean(r.cells.conductance) > 1 S"\n'
        )
    record = Record.open(1, go.data)
    assert record.status == "failed"
    assert record.state["notes"][-1]["text"] == "0 false"
    assert list(record.entries) == ["form[0]", "told[0]"]


def test_a_broken_off_run_goes_on_as_the_same_run_and_nothing_is_done_twice(go):
    text = (
        FORM + '[[step]]\nname = "look"\nprocedure = "read_map"\nfor.v = ["0.1 V", "0.2 V"]\n'
        'parameters = { cells = "0..1,0..2", repeats = 150, voltage = "= v" }\n'
        '[[step]]\nname = "told"\nnote = "{count(look.cells.conductance)}"\n'
    )
    with pytest.raises(AbortedError) as caught:
        go(text, on_progress=break_at("look", 0.05))
    assert "labctl campaign resume" in "".join(caught.value.__notes__)
    assert not any(Truth(go.bench).levels())
    record = Record.open("try", go.data)
    assert record.status == "aborted"
    assert statuses(record) == {"form[0]": "finished", "look[0]": "aborted"}
    begun = record.entries["look[0]"]["run"]
    (go.data.parent / "campaign.toml").unlink()  # what was begun goes on as it was begun
    record = go.resume()
    assert record.status == "finished"
    assert record.entries["look[0]"]["run"] == begun
    assert len(RunReader(record.run_of(record.entries["look[0]"])).seams) == 1
    for key in ("look[0]", "look[1]"):
        assert len(RunReader(record.run_of(record.entries[key])).frame()) == 900
    assert record.state["notes"][-1]["text"] == "1800"
    assert len(runs(go.data)) == 3
    assert record.state["error"] is None
    with pytest.raises(CampaignError, match="finished; nothing of it is left"):
        go.resume()


@pytest.mark.parametrize("step", ["form", "a", "rest", "b", "told"])
def test_a_break_at_any_step_is_taken_up(go, step):
    """Broken off as each step begins: all steps are done once, in order."""
    text = (
        FORM + '[[step]]\nname = "a"\nprocedure = "read_map"\nparameters.cells = "0,0"\n'
        '[[step]]\nname = "rest"\nwait = 60\n'
        '[[step]]\nname = "b"\nprocedure = "read_map"\nparameters.cells = "0,1"\n'
        '[[step]]\nname = "told"\nnote = "Done."\n'
    )
    with pytest.raises(AbortedError):
        go(text, on_progress=break_at(step))
    record = go.resume()
    assert record.status == "finished"
    assert list(record.entries) == ["form[0]", "a[0]", "rest[0]", "b[0]", "told[0]"]
    assert [run.procedure for run in runs(go.data)] == ["form", "read_map", "read_map"]
    assert all(run.status is Status.FINISHED for run in runs(go.data))
    rest = record.entries["rest[0]"]
    assert rest["ended"] - rest["began"] >= 60.0
    assert [note["text"] for note in record.state["notes"]] == ["Done."]


def test_a_decision_stands_after_a_resume(go):
    text = (
        FORM + '[[step]]\nname = "maybe"\nif = "form.yield > 0.1"\nfor.c = { each = "= some(cells('
        'form.cells.formed), 2)" }\nprocedure = "read_map"\nparameters.cells = "= c"\n'
    )
    with pytest.raises(AbortedError):
        go(text, on_progress=break_at("maybe"))
    record = Record.open(1, go.data)
    assert record.state["decisions"] == {"maybe[0] if": True}
    chosen = record.state["passes"]["maybe[0]"]
    assert len(chosen) == 2
    # Somebody throws the run away that the choice was made by: the choice stands.
    (record.run_of(record.entries["form[0]"]) / "cells.parquet").unlink()
    record = go.resume()
    cells = [parameters(record, f"maybe[{k}]")["cells"] for k in range(2)]
    assert cells == [turn["c"] for turn in chosen]


def test_an_error_is_retried_left_or_ends_the_campaign(go):
    text = """
[[step]]
name = "look"
procedure = "read_map"
parameters = { cells = "0..2,0..2", repeats = 30 }
on_error = "%s"
[[step]]
name = "after"
note = "{look.done} {look.failed}"
"""
    world = Truth(go.bench).world

    def spoil(times):
        left = [times]

        def look(progress):
            if progress.step == "look" and left[0] and not world.faults("smu").garbage:
                left[0] -= 1
                world.faults("smu").garbage = 1

        return look

    record = go(text % "retry 2", on_progress=spoil(2))
    entry = record.entries["look[0]"]
    assert (record.status, entry["attempts"], entry["error"]) == ("finished", 3, None)
    run = RunReader(record.run_of(entry))
    assert len(run.seams) == 2
    assert len(run.frame()) == 270
    assert record.state["notes"][-1]["text"] == "true false"

    record = go(text % "continue", on_progress=spoil(1))
    assert record.status == "finished"
    assert record.entries["look[0]"]["status"] == "failed and left"
    assert record.state["notes"][-1]["text"] == "false true"

    with pytest.raises(InstrumentError):
        go(text % "stop", on_progress=spoil(1))
    record = Record.open(3, go.data)
    assert record.status == "failed"
    assert "after[0]" not in record.entries
    assert not any(Truth(go.bench).levels())
    record = go.resume(3)
    assert record.status == "finished"
    assert len(RunReader(record.run_of(record.entries["look[0]"])).seams) == 1


def test_a_wait_that_was_broken_off_goes_on_with_what_is_left(go):
    with pytest.raises(AbortedError):
        go('[[step]]\nname = "rest"\nwait = "1 h"\n', on_progress=break_at("rest"))
    record = Record.open(1, go.data)
    record.begin("rest[0]", "rest", {})
    record.state["time"] += 3000.0  # as if it had waited so long
    record.end(record.entries["rest[0]"], "aborted")
    with Bench.open(go.bench) as bench:
        before = bench.clock.now()
        record = resume_campaign(record, bench)
        assert bench.clock.now() - before == pytest.approx(600.0)
    assert record.state["time"] == pytest.approx(3600.0)


def test_another_chip_is_not_taken_for_the_one_that_was_begun(go, bench_file):
    with pytest.raises(AbortedError):
        go('[[step]]\nname = "rest"\nwait = 1\n', on_progress=break_at("rest"))
    other = bench_file(('name = "sim-16x16"', 'name = "another"'))
    with Bench.open(other) as bench, pytest.raises(CampaignError, match="on this bench is 'anoth"):
        resume_campaign(1, bench, data=go.data)


def test_a_campaign_with_faults_makes_no_folder(go):
    with pytest.raises(CampaignError, match="line 7, x"):
        go('[[step]]\nname = "x"\nprocedure = "read_map"\nparameters.cells = "row 99"\n')
    assert not go.data.exists()


def test_the_record_is_json_that_others_can_read(go):
    record = go('[[step]]\nname = "rest"\nwait = 1\n')
    state = json.loads((record.path / "campaign.json").read_text(encoding="utf-8"))
    assert state["status"] == "finished"
    assert state["entries"]["rest[0]"]["ended"] == 1.0
    assert (record.path / "campaign.toml").read_text(encoding="utf-8").startswith("[campaign]")
