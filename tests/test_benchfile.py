import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.benchfile import load_bench_file
from labctl.errors import BenchFileError
from labctl.tomlplace import line_of


def refused(path) -> str:
    with pytest.raises(BenchFileError) as caught:
        load_bench_file(path)
    return str(caught.value)


def line_number(path, text: str) -> int:
    lines = path.read_text().splitlines()
    return next(k for k, line in enumerate(lines, 1) if line.startswith(text))


def test_the_default_bench_file_is_sound(bench_file):
    file = load_bench_file(bench_file())
    assert file.shape == (16, 16)
    assert file.visa_library.endswith("bench0.toml@labsim")


def test_a_wrong_key_is_named_with_file_line_and_the_right_one(bench_file):
    path = bench_file(("max_voltage = 5.0", "max_volt = 5.0"))
    message = refused(path)
    assert str(path) in message
    assert f"line {line_number(path, 'max_volt ')}" in message
    assert "terminals.word_line.max_volt" in message
    assert "'max_voltage'" in message


@pytest.mark.parametrize(
    ("replaced", "says"),
    [
        (("rows = 16  ", "rows = 0  "), "chip.rows"),
        (("rows = 16  ", 'rows = "many"  '), "chip.rows"),
        (("columns = 16  ", "columns = 2000  "), "chip.columns"),
        (('source_lines = "columns"', 'source_lines = "none"'), "chip.source_lines"),
        (("nplc = 0.01   ", "nplc = 1000   "), "terminals.word_line.nplc"),
        (("compliance = 1e-5", "compliance = 1.0"), "above max_current"),
        (("compliance = 1e-5", "compliance = -1.0"), "terminals.word_line.compliance"),
        (('instrument = "gate"', 'instrument = "gaet"'), "gate, matrix, smu"),
        (('channel = "b"', 'channel = "a"'), "share one channel"),
        (('row = "C"', 'row = "B"'), "share a matrix row"),
        (("[chip]", "[chips]"), "chips"),
        (("GPIB0::27::INSTR", "gpib0::26::INSTR"), "same address"),
        (("seed = 7", "sead = 7"), "'seed'"),
        (("seed = 7", 'seed = "x"'), "simulation.seed"),
        (("max_pulse_width = 1.0", "max_pulse_width = 10.0"), "timeout must be longer"),
        (
            ("1e-3\ncurrent_range = 1e-3", "1e-6\ncurrent_range = 1e-3"),
            "below that of the bit line",
        ),
    ],
)
def test_a_fault_is_named(bench_file, replaced, says):
    assert says in refused(bench_file(replaced))


def test_all_faults_are_reported_at_once(bench_file):
    message = refused(bench_file(("rows = 16  ", "rows = 0  "), ('model = "2636B"', "modl = 1")))
    assert "chip.rows" in message
    assert "modl" in message


def test_a_missing_file_and_broken_toml_are_users_errors(tmp_path):
    assert "labctl new" in refused(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[chip\n")
    assert "line 1" in refused(broken)


@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=6, unique=True))
def test_the_line_of_a_key_is_the_line_it_stands_on(keys):
    text = "# comment\n[table]\n" + "".join(f"{key} = 1\n" for key in keys)
    for number, key in enumerate(keys, 3):
        assert line_of(text, ("table", key)) == number
    assert line_of(text, ("table", "absent")) == 2
    assert line_of(text, ("absent",)) is None
