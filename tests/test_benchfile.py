import hashlib
import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from labctl.benchfile import BenchFile, load_bench_file
from labctl.cli import app
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


INHIBIT = """
[terminals.inhibit]
instrument = "gate"
channel = "b"
row = "E"
compliance = 1e-3
current_range = 1e-3
max_voltage = 3.0
max_current = 1e-3
"""
BIAS = '[array]\ninhibit = "bias"\n\n[chip]'


@pytest.mark.parametrize(
    ("replaced", "more", "says"),
    [
        ((("[chip]", BIAS),), "", "array.inhibit: 'bias' needs a source: add [terminals.inhibit]"),
        ((("[chip]", '[array]\ninhibit = "half"\n\n[chip]'),), INHIBIT, 'is for kind = "passive"'),
        ((("[chip]", '[array]\nkind = "passive"\n\n[chip]'),), "", "array.kind: a passive array"),
        ((), INHIBIT.replace('"E"', '"D"'), "matrix.ground and terminals.inhibit share a matrix"),
        ((), INHIBIT.replace('"b"', '"a"'), "word_line and inhibit share one channel"),
        ((('ground = "D"', 'ground = "D"\ninhibit = "F"'),), INHIBIT, "row F is not that of"),
        ((('ground = "D"', 'ground = "D"\ninhibit = "B"'),), "", "B is that of terminals.bit_line"),
        ((), INHIBIT + "max_pulse_width = 2.0\n", "inhibit.max_pulse_width: 2 s is above that of"),
        ((), INHIBIT + "max_pulse = 2.0\n", "did you mean 'max_pulse_width'?"),
        ((('instrument = "matrix"\n', 'instrument = ["matrix", "m2"]\n'),), "", "'m2' is not one"),
        ((('instrument = "matrix"\n', 'instrument = ["matrix", "matrix"]\n'),), "", "twice"),
        ((('instrument = "matrix"\n', "instrument = []\n"),), "", "matrix.instrument: "),
        ((("per_slot = 12", "per_slot = { left = 12 }"),), "", "'left' is no mainframe"),
        ((("per_slot = 12", "per_slot = 0"),), "", "matrix.columns_per_slot: "),
        ((('address = "GPIB0::26', 'node = 1\naddress = "GPIB0::26'),
          ('address = "GPIB0::27', 'node = 1\naddress = "GPIB0::27')), "",
         "instruments.smu is node 1 already"),
        ((), "\n[simulation.faults.gaet]\nsilent = true\n", "simulation.faults.gaet: is not one"),
        ((), "\n[simulation.faults.gate]\nsilnt = true\n", "did you mean 'silent'?"),
        ((), '\n[simulation.tsplink]\n1 = "smuu"\n', "simulation.tsplink.1: 'smuu' is not one"),
        ((("[bench]\n", 'digest = "x"\n[bench]\n'),), "", "digest: unknown key"),
        ((("[bench]\n", 'path = "x"\n[bench]\n'),), "", "path: unknown key"),
    ],
)  # fmt: skip
def test_a_fault_between_tables_is_named_with_its_line(bench_file, replaced, more, says):
    message = refused(bench_file(*replaced, more=more))
    assert says in message
    assert "line " in message


def test_an_inhibit_terminal_is_one_of_the_terminals(bench_file):
    file = load_bench_file(bench_file(("[chip]", BIAS), more=INHIBIT + "max_pulse_width = 0.5\n"))
    assert [name for name, _ in file.terminals.items()][-1] == "inhibit"
    assert file.terminals.inhibit.row == "E"
    assert file.max_pulse_width("inhibit") == 0.5
    assert file.max_pulse_width("bit_line") == 1.0
    assert [n for n, _ in load_bench_file(bench_file()).terminals.items()][-1] == "source_line"


def test_the_simulation_of_a_real_bench_is_nobodys_business(bench_file):
    path = bench_file(
        ('visa = "@labsim"', 'visa = "@py"'), more="\n[simulation.faults.old]\nlost = true\n"
    )
    assert load_bench_file(path).visa_library == "@py"


def test_the_digest_is_that_of_the_file(bench_file):
    path = bench_file()
    assert load_bench_file(path).digest == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_schema_tells_an_editor_meaning_and_unit_of_every_key():
    done = CliRunner().invoke(app, ["bench", "schema"])
    schema = json.loads(done.stdout)
    tables = [schema, *schema["$defs"].values()]
    keys = {f"{t['title']}.{key}": v for t in tables for key, v in t["properties"].items()}
    assert {key for key, value in keys.items() if not value.get("description")} == set()
    for key, unit in {
        "TerminalTable.compliance": ", A.",
        "TerminalTable.max_voltage": ", V;",
        "TerminalTable.settle": ", s.",
        "TerminalTable.nplc": ", power-line cycles.",
        "TerminalTable.max_pulse_width": ", s;",
        "InstrumentTable.timeout": ", s;",
        "MatrixTable.settling": ", s.",
        "LimitsTable.max_pulse_width": ", s.",
        "FaultTable.delay": ", s.",
    }.items():
        assert unit in keys[key]["description"], key
    assert not {"path", "digest"} & set(schema["properties"])
    assert set(schema["required"]) == {"chip", "instruments", "terminals", "matrix"}


def test_the_schema_knows_every_key_that_the_program_takes(bench_text):
    """Each table of the default file is held against its part of the schema."""
    schema = BenchFile.model_json_schema()

    def properties(node):
        for each in [node, *node.get("anyOf", [])]:
            if "$ref" in each:
                return schema["$defs"][each["$ref"].rsplit("/", 1)[1]]
            if isinstance(each.get("additionalProperties"), dict):
                return each
        return node

    def check(data, node):
        for key, value in data.items():
            known = node.get("properties", {})
            inside = known.get(key) or node.get("additionalProperties")
            assert inside, key
            if isinstance(value, dict):
                check(value, properties(inside))

    check(tomllib.loads(bench_text + INHIBIT), schema)


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


PARTS = st.text("abz_-9", min_size=1, max_size=4)
QUOTED = st.text("ab.=[]# ", min_size=1, max_size=5).map('"{}"'.format)


@given(st.lists(st.tuples(st.lists(PARTS | QUOTED, min_size=1, max_size=3), PARTS | QUOTED)))
def test_the_line_of_a_key_is_found_however_it_is_quoted(tables):
    """Random headers and keys, quoted with dots and brackets; the first of two alike counts."""
    lines, truth = [], {}
    for k, (header, key) in enumerate(tables):
        lines += [f"[{'.'.join(header)}]  # {k}", f"{key} = {k}"]
        place = (*(part.strip('"') for part in header), key.strip('"'))
        truth.setdefault(place, len(lines))
    headers = {place[:n] for place in truth for n in range(1, len(place))}
    for place, number in truth.items():
        if place not in headers:  # a key that is also a table is no TOML
            assert line_of("\n".join(lines), place) == number


def test_the_longest_pulse_of_one_terminal_holds_for_that_one_alone(bench_file):
    from labctl.array import Pulse
    from labctl.bench import Bench
    from labctl.errors import LimitError

    path = bench_file(('row = "C"', 'row = "C"\nmax_pulse_width = 2e-3'))
    with Bench.open(path) as bench:
        bench.array.pulse([[0, 0]], Pulse.set(1.0, 1.0, 5e-3))
        bench.array.pulse([[0, 0]], Pulse.reset(1.0, 1.0, 2e-3))
        with pytest.raises(LimitError, match=r"max_pulse_width is 0.002 s .*source_line"):
            bench.array.pulse([[0, 0]], Pulse.reset(1.0, 1.0, 5e-3))
        with pytest.raises(LimitError, match="max_pulse_width"):
            bench.array.sweep((0, 0), [-0.1], gate=1.0, dwell=5e-3)
        with pytest.raises(LimitError, match="max_pulse_width"):
            bench.safety.source_line.meter.pulse(1.0, 5e-3)
