"""The packaged campaign, shortened: a fresh chip from forming to data sheet, all by itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from labctl.bench import Bench
from labctl.campaign import Record, load_plan, run_campaign
from labctl.errors import CampaignError
from labctl.paths import data_file

SHORTER = (
    ('field = "all"', 'field = "0..3,0..3"'),
    ("repeats = 20", "repeats = 6"),
    ("some(formed, 64)", "some(formed, 8)"),
    ("some(window, 64)", "some(window, 8)"),
    ("some(window, 4)", "some(window, 1)"),
    ("passes = 30", "passes = 8"),
    ('"rows 0..1", "rows 2..3", "rows 4..5", "rows 6..7"', '"row 0", "row 1", "row 2", "row 3"'),
    ("rows 0..7", "rows 0..3"),
    ("cycles = 2", "cycles = 1"),
)


@pytest.fixture(scope="module")
def record(tmp_path_factory) -> Record:
    from labctl import sim

    folder = tmp_path_factory.mktemp("fresh")
    text = data_file("campaigns", "fresh-chip.toml").read_text(encoding="utf-8")
    for old, new in SHORTER:
        assert old in text, old
        text = text.replace(old, new)
    (folder / "short.toml").write_text(text, encoding="utf-8")
    bench_file = folder / "bench.toml"
    bench_file.write_bytes(data_file("benches", "simulated.toml").read_bytes())
    with Bench.open(bench_file) as bench:
        done = run_campaign(load_plan(folder / "short.toml"), bench, data=folder / "data")
    sim.discard(str(bench_file.resolve()))
    return done


def test_it_goes_from_forming_to_the_data_sheet(record):
    assert record.status == "finished"
    done = [run.meta["procedure"] for _, _, run in record.runs()]
    assert done[0] == "form"
    assert done[-8:] == ["read_map"] * 8  # seven looks within a day, and the last one
    assert done.count("iv_sweep") == 3
    assert done.count("program") == 4
    assert {"transitions", "form", "read_map"} < set(done)
    assert record.state["time"] > 97_000.0  # a day and more of bench time


def test_its_levels_are_where_they_were_wanted(record):
    levels = [
        run.frame("cells") for _, _, run in record.runs() if run.meta["procedure"] == "program"
    ]
    assert [1e6 * frame.target.iloc[0] for frame in levels] == pytest.approx([25, 50, 75, 100])
    reached = np.concatenate([frame.ok for frame in levels])
    assert len(reached) >= 12
    assert reached.mean() > 0.9
    notes = [note["text"] for note in record.state["notes"] if note["step"] == "level_note"]
    assert [note.partition(":")[0] for note in notes] == ["25 µS", "50 µS", "75 µS", "100 µS"]


def test_its_data_sheet_has_every_figure_and_stands_alone(record):
    page = (record.path / "data-sheet.html").read_text(encoding="utf-8")
    names = [
        "chip_map", "distributions", "forming", "read_noise", "iv_loops", "transitions",
        "transition_map", "programming", "drift_look",
    ]  # fmt: skip
    for name in names:
        assert f'<figure id="{name}"' in page
        assert (record.path / "figures" / f"{name}.png").stat().st_size > 5000
    assert "Data sheet of a fresh chip" in page
    assert "no data" not in page
    assert 'src="http' not in page
    assert "Virgin cells" in page
    for card in ("Formed", "Forming voltage", "Read noise", "Within tolerance", "Bench time"):
        assert f"<dt>{card}</dt>" in page
    assert 'uncertain_samples">' not in page


def test_it_stops_where_too_few_cells_conduct(bench_file, tmp_path):
    text = data_file("campaigns", "fresh-chip.toml").read_text(encoding="utf-8")
    text = text.replace('field = "all"', 'field = "0..1,0..1"')
    text = text.replace("enough = 0.9 ", "enough = 1.1 ")
    (tmp_path / "short.toml").write_text(text, encoding="utf-8")
    with Bench.open(bench_file()) as bench:
        record = run_campaign(load_plan(tmp_path / "short.toml"), bench, data=tmp_path / "data")
    assert record.status == "stopped"
    assert "100 % of the cells conduct" in record.state["error"]
    assert list(record.entries)[-1] == "yield_check[0]"


def test_an_installed_labctl_has_it_too():
    text = Path("pyproject.toml").read_text(encoding="utf-8")
    assert '"data/campaigns" = "labctl/_data/campaigns"' in text


def test_a_sheet_of_a_campaign_that_measured_nothing_says_so(bench_file, tmp_path, write):
    with Bench.open(bench_file()) as bench:
        plan = load_plan(write('[[step]]\nname = "sheet"\nreport = "Nothing"\n'))
        record = run_campaign(plan, bench, data=tmp_path)
    assert "no data" in (record.path / "data-sheet.html").read_text(encoding="utf-8")
    assert json.loads((record.path / "plan.json").read_text())["campaign"]["name"] == "try"
    with pytest.raises(CampaignError, match="no campaign"):
        Record.open("none", tmp_path)
