"""The data sheet of a simulated chip: what it measures, and what becomes of it on paper."""

import dataclasses
import functools
import json
import math

import numpy as np
import pytest

from labctl.errors import BenchFileError, StoreError
from labctl.sim.chip import Preset
from labctl.sim.chip.preset import names, preset
from labctl.sim.datasheet import QUICK, DataSheet, draw, key_numbers, look, measure
from labctl.sim.datasheet.endurance import Endurance
from labctl.sim.datasheet.numbers import as_json
from labctl.sim.datasheet.strip import Point

TITLES = {
    "I-V loops", "Forming", "LRS and HRS", "SET kinetics", "RESET kinetics",
    "One recommended pulse", "Gate-limited SET", "Read noise", "Spectrum of the read noise",
    "Relaxation", "Retention", "Endurance",
}  # fmt: skip

EVERY = pytest.mark.parametrize("name", names())


@functools.cache
def quick(name: str) -> DataSheet:
    """The quick sheet of a built-in preset, measured once for all tests."""
    return measure(preset(name), name, 7, QUICK)


def numbers(name: str) -> dict[str, float]:
    return {n.name: n.value for n in key_numbers(quick(name))}


@EVERY
def test_the_figure_has_twelve_panels_with_axes_and_something_in_each(name):
    figure = draw(quick(name), "1.2.3")
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert {axes.get_title(loc="left") for axes in panels} == TITLES
    assert len(panels) == 12
    for axes in panels:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.lines or axes.patches
        for line in axes.lines:
            assert np.isfinite(line.get_ydata()).any() or not len(line.get_ydata())
    said = " ".join(text.get_text() for text in figure.texts)
    assert name in said
    assert "seed 7" in said
    assert "1.2.3" in said


@EVERY
def test_what_was_measured_is_finite_and_positive(name):
    sheet = quick(name)
    for part, field in (
        (sheet.states, "low"), (sheet.states, "high"), (sheet.setting, "conductance"),
        (sheet.resetting, "conductance"), (sheet.gates, "conductance"), (sheet.gates, "current"),
        (sheet.reads, "conductance"), (sheet.spectrum, "density"), (sheet.retention, "high"),
        (sheet.retention, "low"), (sheet.relaxation, "after_set"),
    ):  # fmt: skip
        values = getattr(part, field)
        assert np.isfinite(values).all(), field
        assert (values > 0.0).all(), field


@EVERY
def test_a_cell_conducts_better_after_the_set_half_of_its_loop(name):
    loops = quick(name).loops
    assert loops.hysteresis > 3.0
    turn = int((loops.voltage < 0).argmax())
    reset = np.abs(loops.current[turn:])
    volts = loops.voltage[turn:]
    there, back = (part[np.abs(volts[part] + 0.3).argmin()] for part in _halves(volts))
    assert np.median(reset[there]) > 3.0 * np.median(reset[back])


def _halves(volts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    far = int(volts.argmin())
    return np.arange(far), np.arange(far, volts.size)


@EVERY
def test_key_numbers_lie_where_no_memristor_would_be_surprised(name):
    found = numbers(name)
    bands = {
        "forming_median": (1.0, 5.5),
        "forming_failures": (0.0, 12.0),
        "lrs_median": (5.0, 1000.0),
        "hrs_median": (0.01, 30.0),
        "window": (3.0, 1e5),
        "lrs_c2c": (0.5, 40.0),
        "lrs_d2d": (0.2, 60.0),
        "hrs_c2c": (0.005, 1.5),
        "hrs_d2d": (0.002, 1.5),
        "set_exponent": (0.4, 1.6),
        "read_sigma_median": (0.5, 15.0),
        "read_sigma_90": (1.0, 50.0),
        "read_white": (0.3, 12.0),
        "psd_slope": (-2.2, 0.3),
        "relaxation_reset": (-40.0, 80.0),
        "relaxation_set": (-50.0, 20.0),
        "retention_loss_85": (-20.0, 99.0),
        "endurance": (100.0, math.inf),
    }
    for key, (low, high) in bands.items():
        assert low <= found[key] <= high, (key, found[key])
    assert found["forming_5"] <= found["forming_median"] <= found["forming_95"]
    assert set(found) >= set(bands)


@EVERY
def test_pulses_go_a_long_way_and_stronger_ones_get_there_sooner(name):
    sheet = quick(name)
    for kinetics, sign in ((sheet.setting, 1.0), (sheet.resetting, -1.0)):
        first = np.median(np.log(kinetics.start))
        way = sign * (np.median(np.log(kinetics.conductance), axis=2) - first)
        assert (way[:, -1] > 0.2).all()
        # Where the gate decides, stronger pulses are all but equal.
        assert (np.diff(way.mean(axis=1)) > -0.2).all()


def test_longer_pulses_go_further():
    sheet = quick("hfox-1t1r")
    for kinetics, sign in ((sheet.setting, 1.0), (sheet.resetting, -1.0)):
        way = sign * np.median(np.log(kinetics.conductance), axis=2)
        assert (np.diff(way, axis=1) > -0.1).all()
        assert (way[:, -1] > way[:, 0] + 0.5).all()
        assert (np.diff(way.mean(axis=1)) > 0.2).all()


def test_recommended_pulses_step_up_and_down():
    steps = quick("hfox-1t1r").transitions
    assert (steps.up.mean > 0.0).all()
    assert np.median(steps.down.mean) < 0.0


def test_the_gate_limits_the_set_and_cycles_scatter_less_the_more_it_lets_through():
    gates = quick("hfox-1t1r").gates
    assert (np.diff(gates.median) > 0.0).all()
    assert gates.cycle_spread[0] > 1.3 * gates.cycle_spread[-1]
    assert 0.7 < gates.exponent < 1.3


def test_hotter_chips_forget_sooner():
    retention = quick("hfox-1t1r").retention
    assert retention.loss(125.0) > retention.loss(85.0) + 0.1
    assert retention.loss(85.0) > retention.loss(25.0)


def test_wear_brings_failures():
    endurance = quick("hfox-1t1r").endurance
    assert (np.diff(endurance.cycles) > 0.0).all()
    assert (np.diff(endurance.failed) >= 0.0).all()
    assert endurance.cycles[-1] > 5e3


def test_cycles_to_one_per_cent_are_interpolated_in_the_logarithm():
    nothing = np.ones((3, 1))
    pulse = Point(1.0, 1.0, 1e-6)
    cycles = np.array([1e2, 1e4, 1e6])
    found = Endurance(cycles, nothing, nothing, np.array([0.1, 0.1, 0.12]), pulse, pulse)
    assert found.to_one_per_cent == pytest.approx(1e5)
    never = dataclasses.replace(found, failed=np.array([0.1, 0.1, 0.1]))
    assert never.to_one_per_cent == math.inf


def test_the_same_seed_gives_the_same_sheet_and_another_seed_another():
    small = dataclasses.replace(QUICK, cells=8, worn=4, reads=100, most_cycles=100)
    sheets = [measure(preset("hfox-1t1r"), "hfox-1t1r", seed, small) for seed in (3, 3, 4)]
    first, again, other = (as_json(s, key_numbers(s), "") for s in sheets)
    assert first == again
    assert first["numbers"] != other["numbers"]


def test_the_numbers_are_json_and_what_never_happened_is_null():
    sheet = quick("sky130-reram")
    never = dataclasses.replace(sheet.endurance, failed=np.zeros_like(sheet.endurance.failed))
    sheet = dataclasses.replace(sheet, endurance=never)
    told = json.loads(json.dumps(as_json(sheet, key_numbers(sheet), "1.2.3"), allow_nan=False))
    assert told["preset"] == "sky130-reram"
    assert told["labctl"] == "1.2.3"
    assert told["numbers"]["endurance"]["value"] is None
    assert told["numbers"]["forming_median"]["published"] == [2.2, 3.1]
    assert told["numbers"]["forming_median"]["unit"] == "V"


def test_a_figure_is_saved_as_what_its_name_says_and_the_same_twice(tmp_path):
    figure = draw(quick("hfox-1t1r"), "1")
    for ending, start in ((".png", b"\x89PNG"), (".pdf", b"%PDF")):
        saved = look.save(figure, tmp_path / "new" / f"sheet{ending}", dpi=30)
        assert saved.read_bytes().startswith(start)
    first, second = (look.save(figure, tmp_path / f"{k}.svg", dpi=30).read_bytes() for k in "ab")
    assert first.startswith(b"<?xml")
    assert first == second


def test_places_where_no_figure_can_go_are_refused(tmp_path):
    with pytest.raises(StoreError, match=r"name a \.png, \.pdf or \.svg"):
        look.check_target(tmp_path / "sheet.docx")
    (tmp_path / "sheet.png").mkdir()
    with pytest.raises(StoreError, match="it is a folder"):
        look.check_target(tmp_path / "sheet.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        look.check_target(tmp_path / "file" / "sheet.png")


def test_a_chip_that_does_not_form_is_said_to_be_one():
    numb = dataclasses.replace(preset("hfox-1t1r"), forming_barrier=5.0)
    assert isinstance(numb, Preset)
    with pytest.raises(BenchFileError, match=r"Not one of \d+ cells .* forms"):
        measure(numb, "hfox-1t1r", 7, QUICK)
