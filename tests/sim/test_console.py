"""``labctl sim …`` as a user meets it; most of it in this process, where nothing compiles twice."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labctl.cli import main
from labctl.sim.chip import Chip
from labctl.sim.chip.preset import names, preset, pulses

DAY = 86400.0


@pytest.fixture
def labctl(tmp_path, monkeypatch, capsys):
    """Run a command in a folder of its own; returns exit status, output, and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labctl", "sim", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def refused(labctl):
    """Run a command that must fail for a user's mistake; returns the one line it says."""

    def run(*words: str) -> str:
        status, out, err = labctl(*words)
        assert status == 1
        assert out == ""
        assert err.startswith("labctl: ")
        assert err.count("\n") == 1
        return err

    return run


@pytest.fixture
def chip_file(tmp_path) -> Path:
    """A chip of 6 x 6 cells, formed and connected, kept in a file."""
    kind, advice = preset("hfox-1t1r"), pulses("hfox-1t1r")
    chip = Chip(6, 6, kind, 11)
    chip.connect(np.full(6, 0), np.full(6, 2), np.full(6, 1))
    free = np.full(3, np.inf)
    chip.drive([advice.form.gate, 0.0, advice.form.stop], free)
    chip.elapse(advice.form.width)
    chip.drive([5.0, 0.0, np.nan], free)
    chip.ambient = 310.0
    path = tmp_path / "chip.npz"
    chip.save(path)
    return path


def test_help_names_every_command_and_what_preset_may_be(labctl):
    status, out, _ = labctl("--help")
    assert status == 0
    for command in ("show", "presets", "preset", "chip", "age"):
        assert f"  {command} " in out
    assert "file.toml" in labctl("show", "--help")[1]


def test_a_command_that_does_not_exist_is_a_mistake_of_usage(labctl):
    status, _, err = labctl("shwo")
    assert status == 2
    assert "No such command 'shwo'" in err


def test_help_of_labctl_loads_nothing_that_costs_time():
    code = (
        "import sys; sys.argv = ['labctl', '--help']\n"
        "from labctl.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "slow = {'numpy', 'numba', 'matplotlib', 'scipy', 'labctl.sim'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert " sim " in done.stdout


def test_presets_lists_all_with_what_they_are(labctl):
    status, out, _ = labctl("presets")
    assert status == 0
    for name in names():
        assert name in out
    assert "130 nm" in out


@pytest.mark.parametrize("name", names())
def test_a_printed_preset_reads_back_as_the_same_chip(labctl, tmp_path, name):
    status, out, _ = labctl("preset", name)
    assert status == 0
    (tmp_path / "mine.toml").write_text(out, encoding="utf-8")
    assert preset("mine.toml", tmp_path) == preset(name)
    assert pulses("mine.toml", tmp_path) == pulses(name)
    assert labctl("preset", "mine.toml")[1] == out


def test_a_printed_preset_can_be_changed_and_shown(labctl, tmp_path):
    text = labctl("preset", "sky130-reram")[1]
    text = text.replace('name = "sky130-reram"', 'name = "my lab"', 1)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    status, out, err = labctl(
        "show", "mine.toml", "--quick", "--seed", "3", "-o", "new/sheet.svg", "--json", "sheet.json"
    )
    assert status == 0, err
    assert "my lab, seed 3" in out
    assert "forming voltage, median" in out
    assert "sheet.svg" in out
    drawn = (tmp_path / "new" / "sheet.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    told = json.loads((tmp_path / "sheet.json").read_text(encoding="utf-8"))
    assert told["preset"] == "my lab"
    assert told["seed"] == 3
    assert told["numbers"]["lrs_median"]["value"] > told["numbers"]["hrs_median"]["value"]


def test_show_puts_the_figure_here_and_published_bands_beside_the_numbers(labctl, tmp_path):
    status, out, err = labctl("show", "sky130-reram", "--quick")
    assert status == 0, err
    assert (tmp_path / "datasheet-sky130-reram.png").read_bytes().startswith(b"\x89PNG")
    line = next(line for line in out.splitlines() if "forming voltage, median" in line)
    assert "2.2 ... 3.1" in line
    assert " V " in line


def test_an_unknown_preset_names_the_known_ones(refused):
    for command in ("show", "preset"):
        message = refused(command, "hfox-2t2r")
        assert "Did you mean 'hfox-1t1r'?" in message
        for name in names():
            assert name in message


def test_a_missing_preset_file_and_a_figure_of_no_kind_are_refused_before_measuring(refused):
    assert "nowhere.toml" in refused("show", "nowhere.toml")
    assert "name a .png, .pdf or .svg file" in refused("show", "hfox-1t1r", "-o", "sheet.docx")
    assert "it is a folder" in refused("show", "hfox-1t1r", "--json", ".")


def test_a_negative_seed_is_a_mistake_of_usage(labctl):
    status, _, err = labctl("show", "hfox-1t1r", "--seed", "-1")
    assert status == 2
    assert "--seed" in err


def test_chip_tells_what_the_file_holds(labctl, chip_file):
    chip = Chip.load(chip_file)
    status, out, _ = labctl("chip", str(chip_file))
    assert status == 0
    for words in (
        str(chip_file), "hfox-1t1r", "6 x 6 cells", "source lines: columns", "36.9 °C",
        f"{chip.formed.sum()} of 36", f"{chip.failed.sum()} of 36",
        "6 word lines on net 0 (5 V)", "6 source lines on net 1 (0 V)",
        "6 bit lines on net 2 (not driven)",
    ):  # fmt: skip
        assert words in out
    assert chip.formed.sum() > 30


def test_age_moves_the_clock_by_the_days_changes_cells_and_puts_the_ambient_back(labctl, chip_file):
    before = Chip.load(chip_file)
    status, out, _ = labctl("age", str(chip_file), "--days", "30")
    assert status == 0
    assert "30 days at 25 °C" in out
    after = Chip.load(chip_file)
    assert after.time == before.time + 30 * DAY
    assert after.ambient == before.ambient == 310.0
    change = np.abs(np.log(after.conductance / before.conductance))[before.formed]
    assert np.median(change) > 0.005
    # Its state is that of a chip that lay there with open pads, not one that was rewritten.
    before.connect(np.full(6, -1), np.full(6, -1), np.full(6, -1))
    before.ambient = 298.15
    before.elapse(30 * DAY)
    before.ambient = 310.0
    np.testing.assert_array_equal(after.conductance, before.conductance)
    assert "nothing: all lines are open" in labctl("chip", str(chip_file))[1]


def test_an_oven_ages_more_than_a_drawer(labctl, chip_file, tmp_path):
    oven = tmp_path / "oven.npz"
    oven.write_bytes(chip_file.read_bytes())
    labctl("age", str(chip_file), "--days", "30")
    labctl("age", str(oven), "--days", "30", "--celsius", "125")
    cold, hot = Chip.load(chip_file), Chip.load(oven)
    formed = cold.formed & ~cold.failed
    assert np.median(hot.conductance[formed]) < 0.95 * np.median(cold.conductance[formed])


@pytest.mark.parametrize("source_lines", ["columns", "rows", "none"])
def test_age_and_chip_work_for_every_kind_of_array(labctl, tmp_path, source_lines):
    made = Chip(2, 3, preset("hfox-1t1r"), 1, source_lines=source_lines)
    made.save(tmp_path / "new.npz")
    status, out, err = labctl("age", "new.npz", "--days", "0.5")
    assert status == 0, err
    assert "No cell of this chip is formed." in out
    assert Chip.load(tmp_path / "new.npz").time == 0.5 * DAY
    assert f"source lines: {source_lines}" in labctl("chip", "new.npz")[1]


def test_what_is_no_chip_file_no_time_and_no_temperature_is_refused(refused, chip_file, tmp_path):
    assert "nothing.npz" in refused("chip", "nothing.npz")
    (tmp_path / "junk.npz").write_text("no chip")
    assert "junk.npz" in refused("age", "junk.npz", "--days", "1")
    kept = chip_file.read_bytes()
    for days in ("-1", "nan", "inf"):
        assert "give 0 or more with --days" in refused("age", str(chip_file), "--days", days)
    for celsius in ("-300", "nan", "5000"):
        refused("age", str(chip_file), "--days", "1", "--celsius", celsius)
    assert chip_file.read_bytes() == kept


def test_a_preset_that_cannot_form_says_so_in_one_line(refused, tmp_path, labctl):
    text = labctl("preset", "hfox-1t1r")[1]
    numb = dataclasses.replace(preset("hfox-1t1r"), forming_barrier=5.0)
    old = f"forming_barrier = {preset('hfox-1t1r').forming_barrier:g}"
    assert old in text
    text = text.replace(old, f"forming_barrier = {numb.forming_barrier:g}")
    (tmp_path / "numb.toml").write_text(text, encoding="utf-8")
    assert "[pulses] form" in refused("show", "numb.toml", "--quick")
