"""Checking a campaign: every fault at once, with file and line; costs; and nothing is touched."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labctl import campaignconsole
from labctl.bench import Bench
from labctl.campaign import PaperArray, check_file, load_plan, total
from labctl.campaign.plan import Plan
from labctl.errors import CampaignError
from labctl.store import runs
from tests.conftest import SIMULATED

BAD = """\
[campaign]
name = "bad"

[values]
a = "= b + 1"
b = "= a + 1"
kind = "= 1 +"

[[step]]
name = "form"
procedure = "forn"

[[step]]
name = "map"
procedure = "read_map"
parameters.cels = "all"
parameters.voltage = "700 mV"
parameters.gate = "5 A"
parameters.cells = "row 99"

[[step]]
name = "map"
procedure = "read_map"

[[step]]
name = "early"
stop = "Now."
if = "later.yield < 0.5"

[[step]]
name = "later"
procedure = "program"
if = "mapp.yield < 1"
parameters.tolerance = 60

[[step]]
name = "units"
procedure = "read_map"
if = "mean(later.cells.conductance) > 5 mV"

[[step]]
name = "table"
stop = "{later.cels.conductance}"
if = "any(later.cells.conductanse > 5 µS)"

[[step]]
name = "column"
wait = "3 V"
if = "later.cells.conductance > 5 µS"

[[step]]
name = "loops"
for.target = { from = "20 µS", to = "20 mS", points = 3, spacing = "log" }
  [[step.step]]
  name = "inner"
  procedure = "program"
  for.target = [1, 2]
  parameters.target = "= target"
  [[step.step]]
  name = "hop"
  skip = "On."
  if = "inner.within_tolerance"

[[step]]
name = "hop_again"
skip = "Nowhere."

[[step]]
name = "hard"
procedure = "form"
parameters.stop = "9 V"
"""


def found(file, array):
    checked = check_file(file, array)
    assert not checked.rows or not checked.faults
    return {(fault.line, fault.key): fault.text for fault in checked.faults}


def test_every_fault_is_told_at_once_with_its_line(write, array):
    file = write(BAD)
    faults = found(file, array)
    lines = BAD.splitlines()

    def expect(line_text, key, text, nth=0):
        numbers = [k for k, line in enumerate(lines, 1) if line.strip() == line_text]
        place = (numbers[nth], key)
        assert place in faults, f"{place} not in {sorted(map(str, faults))}"
        assert text in faults.pop(place)

    expect('a = "= b + 1"', "values.a", "a cycle: a needs b needs a")
    expect('kind = "= 1 +"', "values.kind", "needs a value at the end")
    expect('procedure = "forn"', "form.procedure", "did you mean form")
    expect('parameters.cels = "all"', "map.parameters.cels", "did you mean 'cells'")
    expect('name = "map"', "map.name", "another step 'map'", nth=1)
    expect('if = "later.yield < 0.5"', "early.if", "comes later")
    expect('if = "mapp.yield < 1"', "later.if", "did you mean 'map'")
    expect('if = "mean(later.cells.conductance) > 5 mV"', "units.if", "units do not fit")
    expect('stop = "{later.cels.conductance}"', "table.stop", "no table 'cels'")
    expect('if = "any(later.cells.conductanse > 5 µS)"', "table.if", "did you mean 'conductance'")
    expect('wait = "3 V"', "column.wait", "a wait is a time")
    expect('if = "later.cells.conductance > 5 µS"', "column.if", "any(...)")
    expect("for.target = [1, 2]", "inner.for.target", "already")
    expect('if = "inner.within_tolerance"', "hop.if", "true or false")
    expect('skip = "Nowhere."', "hop_again.skip", "no loop around it")
    assert not faults


def test_what_only_shows_pass_by_pass_is_told_as_well(write, array):
    parts = BAD.split("\n\n")
    kept = [
        part for part in parts
        if any(f'name = "{name}"' in part for name in ("bad", "map", "loops", "hard", "later"))
    ]  # fmt: skip
    text = "\n\n".join(kept).replace("forn", "form").replace("parameters.cels", "# ")
    text = text.replace('if = "mapp.yield < 1"\n', "").replace("for.target = [1, 2]\n", "")
    text = re.sub(r'\n\n\[\[step\]\]\nname = "map"\nprocedure = "read_map"\n\n', "\n\n", text)
    text = text.replace('if = "inner.within_tolerance"', 'if = "inner.within_tolerance < 1"')
    text = text.replace('\n\n[[step]]\nname = "hop_again"\nskip = "Nowhere."', "")
    faults = found(write(text), array)
    told = {key: fault for (_, key), fault in faults.items()}
    assert set(told) == {
        "map.parameters.voltage", "map.parameters.gate", "map.parameters.cells",
        "later.parameters", "inner.parameters.target", "hard.parameters",
    }  # fmt: skip
    assert "from 0.01 to 0.5 V" in told["map.parameters.voltage"]
    assert "'5 A'" in told["map.parameters.gate"]
    assert "rows 0 to 15" in told["map.parameters.cells"]
    assert "not below target" in told["later.parameters"]
    # 20 µS and 632 µS are possible, 20 mS is not: the pass is named.
    assert "0.01 to 10000 µS" in told["inner.parameters.target"]
    assert "target = 20000 µS" in told["inner.parameters.target"]
    assert "limit is 4 V" in told["hard.parameters"]
    by_line = {key: line for line, key in faults}
    lines = text.splitlines()
    assert lines[by_line["map.parameters.cells"] - 1] == 'parameters.cells = "row 99"'
    assert lines[by_line["hard.parameters"] - 1] == 'parameters.stop = "9 V"'


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[[step]]\nname = 'a'\nwait = 1\nstop = 'x'\n", 4, "a step has one of"),
        ("[[step]]\nname = 'a'\n", 4, "a step has one of"),
        ("[[step]]\nwait = 1\n", 4, "missing"),
        ("[[step]]\nname = 'A b'\nwait = 1\n", 5, "small letters"),
        ("[[step]]\nname = 'not'\nwait = 1\n", 5, "means something"),
        ("[[step]]\nname = 'a'\nwait = [1]\n", 6, "a number, a text"),
        ("[[step]]\nname = 'a'\nwait = 1\nrepaet = 3\n", 7, "did you mean 'repeat'"),
        ("[[step]]\nname = 'a'\nwait = 1\nrepeat = 0\n", 7, "greater than or equal to 1"),
        ("[[step]]\nname = 'a'\nwait = 1\non_error = 'retry'\n", 7, "retry 2"),
        ("[[step]]\nname = 'a'\nwait = 1\nparameters.x = 1\n", 4, "there is none"),
        ("[[step]]\nname = 'a'\nwait = 1\nfor.x = {each = 'all', bye = 'row'}\n", 7, "unknown key"),
        ("[[step]]\nname = 'a'\nwait = 1\nfor.x = {from = 1, to = 2}\n", 7, "step or points"),
        ("[[step]]\nname = 'a'\nwait = 1\ntags = ['a b']\n", 7, "pattern"),
        ("[[step]]\nname = 'a'\nwait = 1\n[stepp]\n", 7, "did you mean 'step'"),
        ("[[step]]\nname = 'a'\nwait = = 1\n", 6, "no valid TOML"),
        ("[[step]]\nname = 'a'\nwait = 1\nuntil = 'true'\n", 7, "no loop that it could end"),
        ("[[step]]\nname = 'a'\nwait = 1\nfor.x = [1]\nfor.y = [1, 2]\ntogether = true\n", 7,
         "of one length"),
        ("[[step]]\nname = 'a'\nwait = '= x'\nfor.x = ['1 s', '-1 s']\n", 6, "-1 s is not poss"),
        ("[[step]]\nname = 'a'\nwait = '= mean(a.cells.x)'\n", 6, "runs no procedure"),
        ("[[step]]\nname = 'a'\nnote = 'on {b}'\n", 6, "no value 'b'"),
        ("[[step]]\nname = 'a'\nwait = 0\nrepeat = 100000\nfor.x = {from=1, to=3, step=1}\n"
         "[[step]]\nname='b'\nfor.y = {from = 1, to = 600, step = 1}\n"
         "  [[step.step]]\n  name='c'\n  wait=0\n  for.z = {from = 1, to = 600, step = 1}\n", 4,
         "passes in all"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(write, array, text, line, says):
    checked = check_file(write(text), array)
    assert [fault.line for fault in checked.faults] == [line], checked.faults
    assert says in checked.faults[0].text


def test_included_files_are_checked_with_their_own_lines_and_cycles_are_told(write, array):
    outer = write(
        '[values]\nhow = "0.1 V"\n[[step]]\nname = "a"\nfor.v = [1, 2]\ninclude = "inner.toml"\n'
        '[[step]]\nname = "b"\nwait = "1 V"\n'
    )
    inner = write(
        '[values]\nhow = "9 V"\n\n[[step]]\nname = "look"\nprocedure = "read_map"\n'
        'parameters = { voltage = "= how" }\n',
        "inner.toml",
    )
    checked = check_file(outer, array)
    assert [(fault.file, fault.line) for fault in checked.faults] == [(str(outer), 12)]
    write('[[step]]\nname = "look"\nprocedure = "rd"\n[[step]]\nname="b"\nwait=1\n', "inner.toml")
    checked = check_file(outer, array)
    assert {(Path(f.file).name, f.line, f.key) for f in checked.faults} == {
        ("inner.toml", 6, "look.procedure"),
        ("campaign.toml", 12, "b.wait"),
        ("campaign.toml", 11, "b.name"),
    }
    write(f'[[step]]\nname = "again"\ninclude = "{outer.name}"\n', "inner.toml")
    [fault] = check_file(outer, array).faults
    assert fault.file == str(inner)
    assert fault.line == 6
    assert "campaign.toml includes inner.toml includes campaign.toml" in fault.text
    inner.unlink()
    [fault] = check_file(outer, array).faults
    assert fault.line == 9
    assert "there is no file" in fault.text
    # Faults of both files come together, whichever is worse.
    write('[[step]]\nname = "X"\nwait = 1\n', "inner.toml")
    outer.write_text(outer.read_text().replace("wait = ", "wiat = "))
    assert {Path(fault.file).name for fault in check_file(outer, array).faults} == {
        "campaign.toml", "inner.toml"
    }  # fmt: skip


def test_values_of_the_including_file_win(write, array):
    write(
        '[values]\nhow = "9 V"\n\n[[step]]\nname = "look"\nprocedure = "read_map"\n'
        'parameters = { voltage = "= how" }\n',
        "inner.toml",
    )
    alone = check_file(write("").with_name("inner.toml"), array)
    assert [fault.key for fault in alone.faults] == ["look.parameters.voltage"]
    text = '[values]\nhow = "0.1 V"\n[[step]]\nname = "a"\nrepeat = 3\ninclude = "inner.toml"\n'
    checked = check_file(write(text), array)
    assert not checked.faults
    assert [(row.name, row.count) for row in checked.rows] == [("a", 3), ("look", 3)]


def test_the_forecast_counts_passes_time_pulses_and_relays(write, array):
    text = """
[[step]]
name = "levels"
for.target = { from = "20 µS", to = "60 µS", step = "20 µS" }
repeat = 2
  [[step.step]]
  name = "program"
  procedure = "program"
  parameters = { cells = "0..1,0..3", target = "= target", attempts = 40 }
  [[step.step]]
  name = "high"
  if = "target > 30 µS"
  wait = "1 min"

[[step]]
name = "single"
procedure = "read_map"
for.c = { each = "= cells(program.cells.ok)", by = "row" }
parameters.cells = "= c"
"""
    checked = check_file(write(text), array)
    assert not checked.faults
    rows = {row.name: row for row in checked.rows}
    assert rows["program"].count == 6
    assert rows["program"].cost.pulses == 6 * 8 * 10
    assert rows["program"].cost.closures == 6 * array.closures_along([
        [r, c] for r in range(2) for c in range(4)
    ])  # fmt: skip
    assert rows["high"].count == 4  # where the condition is known beforehand it counts
    assert rows["high"].seconds == 240.0
    assert rows["levels"].seconds == rows["program"].seconds + 240.0
    assert rows["single"].count == 16  # at most: all cells of the chip
    assert rows["single"].cost.reads == 256
    assert rows["single"].remarks == ["at most: cells by result"]
    whole = total(checked.rows)
    assert whole.seconds == rows["levels"].seconds + rows["single"].seconds
    assert whole.cost.pulses == rows["program"].cost.pulses
    assert whole.count == 6 + 4 + 16


@pytest.mark.parametrize("procedure", ["form", "read_map", "transitions", "program", "iv_sweep"])
def test_estimates_on_paper_come_near_what_is_spent(bench_file, tmp_path, write, procedure):
    """Reads and relays are counted exactly where they do not hang on what the cells do."""
    import labctl

    path = bench_file()
    parameters = {"cells": "0..2,0..3"}
    if procedure == "transitions":
        parameters |= {"passes": 4, "repeats": 3}
    text = f'[[step]]\nname = "it"\nprocedure = "{procedure}"\n' + "".join(
        f"parameters.{name} = {json.dumps(value)}\n" for name, value in parameters.items()
    )
    [row] = check_file(write(text), PaperArray.of(path)).rows
    with Bench.open(path) as bench:
        if procedure != "form":
            labctl.run("form", bench, data=tmp_path, **{"cells": parameters["cells"]})
        began, before = bench.array.now(), bench.array.counters
        reads, closures = before.reads, before.relay_closures
        run = labctl.run(procedure, bench, data=tmp_path, **parameters)
        spent = bench.array.counters
        assert run.status == "finished"
        took = bench.array.now() - began
    assert abs(spent.relay_closures - closures - row.cost.closures) <= 20
    if procedure in ("read_map", "transitions"):
        assert spent.reads - reads == row.cost.reads
    assert row.seconds / 2.5 < took < row.seconds * 2.5


def test_a_check_touches_no_instrument_and_writes_nothing(bench_file, write, tmp_path):
    path = bench_file(('visa = "@labsim"', 'visa = "@py"'), ("GPIB0::", "TCPIP0::127.0.0.1::"))
    file = write('[[step]]\nname = "a"\nprocedure = "form"\n')
    before = sorted(tmp_path.rglob("*"))
    checked = check_file(file, PaperArray.of(path))  # such a bench could not even be connected to
    assert not checked.faults
    assert checked.rows[0].seconds > 0
    assert sorted(tmp_path.rglob("*")) == before
    assert not runs(tmp_path)


@pytest.mark.parametrize("name", sorted(p.name for p in Path("data/benches").glob("*.toml")))
def test_time_on_paper_is_that_of_the_bench(name, bench_file, tmp_path):
    """One source of what operations take: drivers tell it with and without an instrument."""
    from labctl import sim

    path = tmp_path / name
    text = Path("data/benches", name).read_text(encoding="utf-8")
    path.write_text(re.sub(r"(?m)^visa = .*$", 'visa = "@labsim"', text), encoding="utf-8")
    array = PaperArray.of(path)
    cells = [[0, 0], [0, 1], [3, 3], [2, 1]]
    bench = Bench.open(path)
    try:
        # NPLC counts in periods of the mains, and paper takes those of 50 Hz.
        assert array.timing == bench.array.timing
        assert array.closures_along(cells) == bench.array.closures_along(cells)
    finally:
        bench.close()
        sim.discard(str(path))


def test_the_example_is_free_of_faults_on_every_bench_it_may_meet(array):
    checked = check_file("data/campaigns/fresh-chip.toml", array)
    assert not checked.faults
    assert {row.what for row in checked.rows if row.action == "procedure"} == {
        "form", "read_map", "iv_sweep", "transitions", "program"
    }  # fmt: skip


def test_a_plan_survives_its_way_to_the_disk():
    plan = load_plan("data/campaigns/fresh-chip.toml")
    content = plan.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    again = Plan.model_validate(json.loads(json.dumps(content)))
    for step, _ in plan.walk():
        step.place = ("", ())  # where it was written is not kept
    assert again.step == plan.step
    assert again.values == plan.values
    assert again.campaign == plan.campaign


def test_the_schema_knows_every_key_of_the_example():
    schema = json.dumps(Plan.model_json_schema(by_alias=True))
    for key in ('"if"', '"for"', '"each"', '"from"', '"until"', '"on_error"', '"wait"'):
        assert key in schema
    assert '"sources"' not in schema
    assert '"place"' not in schema


def test_the_command_tells_all_faults_and_exits_with_1(tmp_path):
    file = tmp_path / "bad.toml"
    file.write_text(BAD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "campaign", "check", "bad.toml"], cwd=tmp_path,
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "15 faults; nothing was run" in done.stderr
    assert "bad.toml, line 11, form.procedure" in done.stderr


def test_the_check_prints_json_and_a_table(tmp_path, write, capsys):
    assert not campaignconsole.check(write(BAD), SIMULATED, True)
    assert len(json.loads(capsys.readouterr().out)["faults"]) == 15
    example = Path("data/campaigns/fresh-chip.toml")
    assert campaignconsole.check(example, SIMULATED, True)
    told = json.loads(capsys.readouterr().out)
    assert told["faults"] == []
    assert told["total"]["pulses"] > 5000
    assert told["total"]["relay_closures"] > 5000
    assert told["total"]["bench_time_s"] > 86400
    assert campaignconsole.check(example, SIMULATED, False)
    text = capsys.readouterr().out
    for part in ("bench time", "pulses", "relays", "1 d 3 h", "retention: if mean(program.yield)"):
        assert part in text
    with pytest.raises(CampaignError, match="no campaign file"):
        check_file(tmp_path / "none.toml", None)


def test_the_example_is_written_once_and_never_over_another_file(tmp_path):
    file = tmp_path / "campaigns" / "mine.toml"
    campaignconsole.new(file)
    assert file.read_bytes() == Path("data/campaigns/fresh-chip.toml").read_bytes()
    with pytest.raises(CampaignError, match="there already"):
        campaignconsole.new(file)
