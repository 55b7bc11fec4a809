"""Campaigns as scripts: the same plan as a file gives, and faults with the line of the script."""

import pytest

import labctl
from labctl.campaign import check_file, load_plan
from labctl.errors import CampaignError

SCRIPT = """\
import labctl

campaign = labctl.Campaign("try", seed=7, tags=["a"], on_error="retry 2")
campaign.value("enough", 0.9)
campaign.run("form", cells="0..1,0..1", start="1.5 V")
campaign.stop("Only {form.formed}.", when="form.yield < enough")
with campaign.group("levels", over={"target": {"from": "20 µS", "to": "60 µS", "step": "20 µS"}}):
    campaign.run(
        "program",
        name="set_level",
        cells="0..1,0..1",
        target="= target",
        step_height="x",
    )
    with campaign.group("looks", repeat=2):
        campaign.wait("1 h", name="rest")
        campaign.run("read_map", step={"repeat": 3, "tags": ["b"]}, cells="0..1,0..1")
for voltage in (0.1, 0.2):
    campaign.run("read_map", name=f"at_{round(1000 * voltage)}_mv", voltage=voltage)
campaign.note("Done.", when="true")
campaign.report("Sheet")
"""
FILE = """\
[campaign]
name = "try"
seed = 7
tags = ["a"]
on_error = "retry 2"
[values]
enough = 0.9
[[step]]
name = "form"
procedure = "form"
parameters = { cells = "0..1,0..1", start = "1.5 V" }
[[step]]
name = "stop_1"
stop = "Only {form.formed}."
if = "form.yield < enough"
[[step]]
name = "levels"
for.target = { from = "20 µS", to = "60 µS", step = "20 µS" }
  [[step.step]]
  name = "set_level"
  procedure = "program"
  parameters = { cells = "0..1,0..1", target = "= target" }
  [[step.step]]
  name = "looks"
  repeat = 2
    [[step.step.step]]
    name = "rest"
    wait = "1 h"
    [[step.step.step]]
    name = "read_map"
    procedure = "read_map"
    repeat = 3
    tags = ["b"]
    parameters = { cells = "0..1,0..1" }
[[step]]
name = "at_100_mv"
procedure = "read_map"
parameters.voltage = 0.1
[[step]]
name = "at_200_mv"
procedure = "read_map"
parameters.voltage = 0.2
[[step]]
name = "note_1"
note = "Done."
if = "true"
[[step]]
name = "report_1"
report = "Sheet"
"""


@pytest.fixture
def script(tmp_path):
    def put(text):
        path = tmp_path / "night.py"
        path.write_text(text, encoding="utf-8")
        return path

    return put


def data_of(plan):
    return plan.model_dump(by_alias=True, exclude={"path", "sources"})


def test_a_script_gives_the_plan_that_a_file_gives(script, write, array):
    whole = SCRIPT.replace('        step_height="x",\n', "")
    plan = load_plan(script(whole))
    assert data_of(plan) == data_of(load_plan(write(FILE)))
    checked = check_file(script(whole), array)
    assert not checked.faults
    assert {row.name: row.count for row in checked.rows}["read_map"] == 18


def test_faults_of_a_script_name_its_lines(script, array):
    lines = SCRIPT.splitlines()
    [fault] = check_file(script(SCRIPT), array).faults
    assert fault.file.endswith("night.py")
    assert lines[fault.line - 1].strip() == "campaign.run("
    assert fault.key == "set_level.parameters.step_height"
    worse = SCRIPT.replace('"1 h"', '"1 V"').replace("0.2)", "0.9)")
    told = {
        (lines[f.line - 1].strip()[:14], f.key) for f in check_file(script(worse), array).faults
    }
    assert told == {
        ("campaign.run(", "set_level.parameters.step_height"), ('campaign.wait(', "rest.wait")
    }  # fmt: skip
    wrong = SCRIPT.replace("repeat=2", 'repeat="often"').replace("tags=[", "tugs=[")
    with pytest.raises(CampaignError) as caught:
        load_plan(script(wrong))
    assert {(fault.line, fault.key) for fault in caught.value.faults} == {
        (3, "campaign.tugs"), (15, "levels.looks.repeat")
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("x = 1\n", None, "no labctl.Campaign"),
        ("import labctl\na = labctl.Campaign('a')\nb = labctl.Campaign('b')\n", None, "2 of"),
        ("import labctl\nc = labctl.Campaign('a')\n1 / 0\n", 3, "ZeroDivisionError"),
        ("def f(:\n", 1, "SyntaxError"),
        ("import sys\nsys.exit('no')\n", 2, "SystemExit: no"),
        ("import labctl\nc = labctl.Campaign('a')\n", 2, "at least 1"),
    ],
)
def test_a_script_that_makes_no_campaign_is_explained(script, array, text, line, says):
    [fault] = check_file(script(text), array).faults
    assert fault.line == line
    assert says in fault.text


def test_the_names_are_at_hand_in_a_notebook(bench_file, tmp_path):
    campaign = labctl.Campaign("short")
    campaign.run("read_map", cells="0,0")
    campaign.note("Read: {count(read_map.cells.conductance)}")
    with labctl.Bench.open(bench_file()) as bench:
        record = labctl.run_campaign(campaign.plan(), bench, data=tmp_path)
    assert record.status == "finished"
    assert record.state["notes"][0]["text"] == "Read: 1"
