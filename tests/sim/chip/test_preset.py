"""Presets as files: what is written is read back, and what is wrong is named."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import labctl.sim.chip
from labctl.errors import BenchFileError
from labctl.sim.chip import Preset, preset
from labctl.sim.chip.parameters import NUMBERS, PARAMETERS, TABLES
from labctl.sim.chip.parametertable import page
from labctl.sim.chip.preset import description, names, pulses, to_toml
from labctl.sim.chip.recipe import Point, Pulses, Ramp
from labctl.sim.chip.sources import SOURCES

PAIRS = (
    ("minimum", "maximum"),
    ("pristine_conductance", "formed_conductance"),
    ("trap_time_shortest", "trap_time_longest"),
)
QUICK = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@st.composite
def presets(draw: st.DrawFn) -> Preset:
    letters = st.characters(exclude_categories=["C", "Z"])
    numbers = {name: draw(st.floats(p.low, p.high)) for name, p in PARAMETERS.items()}
    for low, high in PAIRS:
        limits = (
            max(PARAMETERS[n].low for n in (low, high)),
            min(PARAMETERS[n].high for n in (low, high)),
        )
        two = st.lists(st.floats(*limits), min_size=2, max_size=2, unique=True)
        numbers[low], numbers[high] = sorted(draw(two))
    numbers["stuck_high"] *= 1.0 - numbers["stuck_low"]
    return Preset(name=draw(st.text(letters, min_size=1, max_size=12)), **numbers)


def points(kind: type) -> st.SearchStrategy:
    volts = st.floats(1e-3, 20)
    fields = [f.name for f in dataclasses.fields(kind) if f.name != "width"]
    return st.builds(kind, width=st.floats(1e-9, 100), **dict.fromkeys(fields, volts))


recipes = st.builds(Pulses, form=points(Ramp), set=points(Point), reset=points(Point))
toml_values = st.one_of(
    st.sampled_from(
        ["true", '"1"', "[1]", "{a = 1}", "nan", "inf", "-inf", "-1e300", "1e400", "2026-11-24",
         "", "=", "0x10", "9" * 5000, "[" * 3000, "\x00", '"""', "1e", "-0.0", "07:32:00"]
    ),
    st.text(max_size=20),
)  # fmt: skip


def write(folder: Path, text: str, name: str = "lab.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


@QUICK
@given(kind=presets(), recipe=recipes, about=st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_written_preset_reads_back_bit_for_bit(tmp_path, kind, recipe, about):
    file = write(tmp_path, to_toml(kind, recipe, about))
    again = preset(file, tmp_path)
    assert again == kind
    assert hash(again) == hash(kind)
    assert again.vector().tobytes() == kind.vector().tobytes()
    assert pulses(file, tmp_path) == recipe
    assert description(file, tmp_path) == about


@QUICK
@given(name=st.sampled_from([*NUMBERS, "name", "base", "description", "typo"]), value=toml_values)
def test_no_text_in_a_file_gives_another_error_than_that_of_a_bench_file(tmp_path, name, value):
    table = f"[{PARAMETERS[name].table}]\n" if name in PARAMETERS else ""
    top = "" if name == "name" else 'name = "x"\n'
    text = f"{top}{table}{name} = {value}\n"
    (tmp_path / "x.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with contextlib.suppress(BenchFileError):
        preset("x.toml", tmp_path)


@pytest.mark.parametrize("name", names())
def test_each_built_in_preset_is_called_like_its_file_and_has_pulses_and_a_description(name):
    assert preset(name).name == name
    assert description(name).endswith(".")
    recipe = pulses(name)
    assert recipe.form.start < recipe.form.stop
    path = Path(labctl.sim.chip.__file__).parent / "presets" / f"{name}.toml"
    assert preset(path) == preset(name)


def test_the_default_is_hfox_and_its_pulses_are_those_of_a_source_meter():
    assert preset("hfox-1t1r") == Preset()
    recipe = pulses("hfox-1t1r")
    assert recipe.form == Ramp(start=1.5, stop=3.5, step=0.1, gate=1.5, width=1e-3)
    assert recipe.set == Point(voltage=1.11, gate=3.2, width=200e-6)
    assert recipe.reset == Point(voltage=1.33, gate=4.75, width=200e-6)


def test_a_base_gives_what_a_file_leaves_out(tmp_path):
    write(tmp_path, 'name = "a"\nbase = "sky130-reram"\n[heat]\nambient_typo = 1', "bad.toml")
    write(tmp_path, 'name = "a"\nbase = "sky130-reram"\n[window]\nmaximum = 1e-3\n', "a.toml")
    (tmp_path / "deep").mkdir()
    text = 'name = "b"\nbase = "../a.toml"\n[pulses.set]\nvoltage = 2\n[window]\nminimum = 2e-8\n'
    write(tmp_path / "deep", text, "b.toml")
    b = preset("deep/b.toml", tmp_path)
    sky = preset("sky130-reram")
    assert b == dataclasses.replace(sky, name="b", maximum=1e-3, minimum=2e-8)
    assert pulses("deep/b.toml", tmp_path).set == dataclasses.replace(
        pulses("sky130-reram").set, voltage=2.0
    )
    assert pulses("deep/b.toml", tmp_path).form == pulses("sky130-reram").form


def test_without_a_base_the_pulses_are_the_files_own(tmp_path):
    file = write(tmp_path, 'name = "a"\n[pulses.set]\nvoltage = 1\ngate = 2\nwidth = 1e-6\n')
    assert preset(file, tmp_path) == Preset(name="a")
    with pytest.raises(BenchFileError, match=r"lacks start, stop, step, gate, width in .*form"):
        pulses(file, tmp_path)


def test_a_loop_of_bases_is_refused(tmp_path):
    for one, other in ("ab", "bc", "ca"):
        write(tmp_path, f'name = "{one}"\nbase = "{other}.toml"\n', f"{one}.toml")
    with pytest.raises(BenchFileError, match=r"a\.toml -> .*b\.toml -> .*c\.toml -> .*a\.toml"):
        preset("a.toml", tmp_path)


def test_all_faults_of_a_file_are_named_with_line_and_cure(tmp_path):
    text = """name = "mine"
[switching]
set_barier = 1
set_barrier = 9  # eV
maximum = 1e-4
[heat]
ambient = true
[windows]
[pulses.set]
voltage = "high"
[pulses.read]
gate = 1
"""
    with pytest.raises(BenchFileError) as caught:
        preset(write(tmp_path, text), tmp_path)
    lines = str(caught.value).splitlines()
    assert "lab.toml has faults" in lines[0]
    expected = [
        (3, "switching.set_barier", "did you mean 'set_barrier'"),
        (4, "switching.set_barrier", "is 9 eV; allowed are 0.1 to 5 eV"),
        (5, "switching.maximum", r"belongs in \[window\]"),
        (7, "heat.ambient", r"belongs in \[laboratory\]"),
        (8, "windows", "did you mean 'window'"),
        (10, "pulses.set.voltage", "is 'high'; give a number, 0.001 to 20 V"),
        (11, "pulses.read", "did you mean 'reset'|known are form, set, reset"),
    ]
    assert len(lines) == len(expected) + 1
    for line, (number, key, what) in zip(lines[1:], expected, strict=True):
        assert re.search(rf"line {number}, {re.escape(key)}: .*{what}", line), line


def test_numbers_that_contradict_each_other_name_the_file(tmp_path):
    file = write(tmp_path, 'name = "mine"\n[window]\nminimum = 0.5\n')
    with pytest.raises(BenchFileError, match=r"lab\.toml: .*minimum .*must be below maximum"):
        preset(file, tmp_path)


@pytest.mark.parametrize("name", ["hfox", "", "../x", None, 3, "nowhere.toml", "\0.toml"])
def test_what_is_no_preset_is_refused(tmp_path, name):
    with pytest.raises(BenchFileError, match=r"hfox-1t1r|\.toml"):
        preset(name, tmp_path)


def test_every_parameter_says_what_it_is_and_its_default_is_allowed():
    assert {p.table for p in PARAMETERS.values()} == set(TABLES)
    assert {p.source for p in PARAMETERS.values()} == set(SOURCES)
    for name, p in PARAMETERS.items():
        assert p.what.endswith("."), name
        assert p.low <= getattr(Preset(), name) <= p.high


def test_a_written_file_explains_itself():
    text = to_toml(Preset())
    assert "# Activation energy of SET at reference_conductance. 0.1 to 5 eV [VCM]" in text
    assert max(map(len, text.splitlines())) <= 100
    assert set(tomllib.loads(text)) == {"name", *TABLES}
    for short in SOURCES:
        assert f"# {short}: " in text


def test_numbers_of_numpy_and_whole_numbers_are_floats_inside():
    kind = Preset(ambient=310, maximum=np.float64(1e-4), laplace_slope=-0.0)
    assert kind == Preset(ambient=310.0, maximum=1e-4)
    assert all(type(getattr(kind, name)) is float for name in NUMBERS)
    assert str(kind.laplace_slope) == "0.0"


def test_the_page_of_parameters_is_the_one_the_code_prints():
    file = Path(labctl.sim.chip.__file__).parents[3] / "docs" / "chip-parameters.md"
    assert file.read_text(encoding="utf-8") == page(), (
        "python -m labctl.sim.chip.parametertable > docs/chip-parameters.md"
    )
