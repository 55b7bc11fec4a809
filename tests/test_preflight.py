"""The pre-flight names every fault that the simulated bench can have, and harms nothing."""

import json
import re
import subprocess
import sys
from collections import Counter
from functools import partial

import numpy as np
import pytest
import pyvisa

from labctl import sim
from labctl.bench import Bench
from labctl.benchconsole import check_bench
from labctl.benchfile import load_bench_file
from labctl.errors import BenchFileError, EngineError, LatchedError, LimitError, WiringError
from labctl.preflight import Outcome, Wishes, preflight
from labctl.preflight.probing import Probing
from labctl.wearbook import worn
from labctl.wearfile import WearFile
from labctl.wiring import parse_wiring
from tests.conftest import SIMULATED
from tests.truth import TERMINALS, Truth

QUIET = ("noise = true  ", "noise = false ")
MATRIX = "\n[simulation.faults.matrix]\n"
EXAMPLES = sorted(SIMULATED.parent.glob("*.toml"))
NAMES = {net: name for name, net in TERMINALS.items()}


@pytest.fixture
def checked(bench_file):
    """Check a bench of its own; return the report and what the world saw of it."""

    def check(*replaced, more="", before=None, **wishes):
        path = bench_file(QUIET, *replaced, more=more)
        seen = Witness(path)
        if before is not None:
            before(seen.world)
        report = preflight(path, Wishes(**wishes))
        assert not any(seen.levels())
        return report, seen

    return check


class Witness(Truth):
    """The world behind a bench file, and the highest level of each source so far."""

    def __init__(self, path):
        super().__init__(path)
        self.highest = dict.fromkeys(TERMINALS, 0.0)
        for net, port in self.world.ports:
            port.drive = partial(self._driven, port.drive, NAMES[net])

    def _driven(self, drive, name, voltage, limit):
        if not np.isnan(voltage):
            self.highest[name] = max(self.highest[name], abs(voltage))
        drive(voltage, limit)

    def kinds(self):
        return Counter(violation.kind for violation in self.violations)


def failed(report):
    return {(finding.check, finding.subject) for finding in report.failed}


def test_a_sound_bench_passes_and_is_left_as_it_was(checked):
    before = {}
    report, seen = checked(before=lambda world: before.update(G=world.chip.conductance.copy()))
    assert report.ok, report.failed
    assert not seen.closed()
    assert np.array_equal(seen.chip.conductance, before["G"])
    outcomes = {(finding.check, finding.outcome) for finding in report.findings}
    assert outcomes >= {
        (check, Outcome.PASS)
        for check in (
            "identity",
            "self-test",
            "interlock",
            "line frequency",
            "limits and compliance",
            "leakage of open rows",
            "relays open",
            "relays close",
            "leakage of pads",
            "error queue",
        )
    }
    assert report.bench_time > 1.0


def test_nothing_is_ever_driven_above_a_tenth_of_a_volt_and_no_relay_moves_hot(checked):
    report, seen = checked()
    assert report.ok
    assert seen.highest == dict.fromkeys(TERMINALS, 0.1)  # each source was used, none above
    # Ground and one source on one column is the loop that proves two relays, on purpose.
    assert seen.kinds().keys() == {"two sources on one column"}
    assert all("D on pad" in violation.text for violation in seen.violations)


def test_faults_do_not_make_it_drive_higher_or_switch_hot(checked):
    faults = 'welded = ["1B05", "3D07", "6C01"]\nopen_relays = ["1A03", "2D02"]\n'
    report, seen = checked(more=MATRIX + faults, gate=True, cell=(0, 0))
    assert max(seen.highest.values()) == 0.1  # no gate is opened over faulty relays
    assert "hot switch" not in seen.kinds()
    assert failed(report) == {
        ("relays open", "crosspoint 1B05"),
        ("relays open", "crosspoint 3D07"),
        ("relays open", "crosspoint 6C01"),
        ("relays close", "crosspoint 1A03"),
        ("relays close", "crosspoint 2D02"),
    }


@pytest.mark.parametrize(
    ("point", "pad"),
    [("1A01", "WL0"), ("2C04", "WL15"), ("3B12", "BL11"), ("5A01", "SL0"), ("4D04", "BL15")],
)
def test_a_welded_relay_is_found_and_named_with_its_pad(checked, point, pad):
    report, _ = checked(more=f'{MATRIX}welded = ["{point}"]\n')
    assert failed(report) == {("relays open", f"crosspoint {point}")}
    assert f"pad {pad} " in report.failed[0].seen
    assert pad in report.failed[0].cure


@pytest.mark.parametrize(
    ("point", "pad"), [("1A01", "WL0"), ("2D04", "WL15"), ("3B12", "BL11"), ("6C04", "SL15")]
)
def test_a_relay_that_does_not_close_is_found_and_named_with_its_pad(checked, point, pad):
    report, _ = checked(more=f'{MATRIX}open_relays = ["{point}"]\n')
    assert failed(report) == {("relays close", f"crosspoint {point}")}
    assert f"pad {pad}" in report.failed[0].seen


@pytest.mark.parametrize("seed", range(4))
def test_any_faulty_relays_on_different_pads_are_all_named(checked, seed):
    rng = np.random.default_rng(seed)
    columns = rng.permutation([f"{s}{{}}{c:02d}" for s in (1, 3, 5) for c in range(1, 13)])
    welded = [column.format(row) for column, row in zip(columns, "ABCD", strict=False)]
    own = {"1": "A", "3": "B", "5": "C"}
    opened = [columns[4].format("D"), columns[5].format(own[columns[5][0]])]
    report, _ = checked(more=f"{MATRIX}welded = {welded}\nopen_relays = {opened}\n")
    found = {
        (finding.check, finding.subject)
        for finding in report.findings
        if finding.outcome in (Outcome.FAIL, Outcome.WARNING)
    }
    assert found == {("relays open", f"crosspoint {point}") for point in welded} | {
        ("relays close", f"crosspoint {point}") for point in opened
    }


def test_a_broken_relay_that_no_cell_needs_is_a_warning(checked):
    report, _ = checked(more=f'{MATRIX}open_relays = ["3D07"]\n', gate=True)
    assert report.ok
    [warning] = [f for f in report.findings if f.outcome is Outcome.WARNING]
    assert warning.subject == "crosspoint 3D07"
    assert "pad BL6" in warning.seen
    assert {f.outcome for f in report.of("contact")} == {Outcome.PASS}


def test_a_cable_that_is_off_is_one_fault_and_not_sixteen(checked):
    row = [f"{3 + k // 12}B{k % 12 + 1:02d}" for k in range(16)]
    report, _ = checked(more=f"{MATRIX}open_relays = {row}\n")
    assert failed(report) == {("relays close", "row B (bit_line)")}
    assert "cable" in report.failed[0].cure


def test_pads_that_touch_are_found(checked):
    def touch(world):
        world.hookup.pads["matrix", 1, 4] = ("WL", 2)  # the needle of WL3 is on WL2 as well

    report, _ = checked(before=touch)
    assert ("leakage of pads", "pad WL3") in failed(report)
    assert failed(report) <= {("leakage of pads", "pad WL2"), ("leakage of pads", "pad WL3")}


def test_contact_cannot_be_told_without_a_gate_and_the_table_says_so(checked):
    report, _ = checked(cell=(3, 4))
    contacts = report.of("contact")
    assert len(contacts) == 48
    assert {finding.outcome for finding in contacts} == {Outcome.UNDECIDED}
    [known] = report.of("known-good cell")
    assert known.outcome is Outcome.UNDECIDED
    assert known.subject == "cell (3, 4)"


@pytest.mark.parametrize("sources", ["columns", "rows"])
def test_with_the_gates_every_pad_shows_its_contact_and_no_cell_changes(checked, sources):
    before = {}
    report, seen = checked(
        ('source_lines = "columns"', f'source_lines = "{sources}"'),
        before=lambda world: before.update(G=world.chip.conductance.copy()),
        gate=True,
        cell=(3, 4),
    )
    assert report.ok, report.failed
    assert Counter(f.outcome for f in report.of("contact")) == {Outcome.PASS: 48}
    assert report.of("known-good cell")[0].outcome is Outcome.PASS
    assert seen.highest == {"word_line": 5.0, "bit_line": 0.1, "source_line": 0.1}
    assert seen.chip.conductance == pytest.approx(before["G"], rel=1e-3)
    assert "hot switch" not in seen.kinds()
    assert "floating word line" not in seen.kinds()


@pytest.mark.parametrize(
    ("column", "pads"),
    [((1, 4), {"WL3"}), ((3, 4), {"BL3", "SL3"}), ((6, 4), {"BL15", "SL15"})],
)
def test_a_needle_that_is_up_is_found_with_the_gates(checked, column, pads):
    """A bit line and its source line carry the same cells: it is one of the two."""
    report, _ = checked(before=lambda world: world.hookup.pads.pop(("matrix", *column)), gate=True)
    assert failed(report) == {("contact", f"pad {pad}") for pad in pads}


def test_a_known_good_cell_outside_what_is_expected_fails(bench_file, checked):
    report, _ = checked(gate=True, cell=(0, 0))
    assert report.of("known-good cell")[0].outcome is Outcome.PASS
    report, _ = checked(
        before=lambda world: world.hookup.pads.pop(("matrix", 1, 1)), gate=True, cell=(0, 0)
    )
    assert ("known-good cell", "cell (0, 0)") in failed(report)


def test_the_bench_file_says_what_is_to_be_found(bench_file, checked):
    table = "\n[preflight]\nknown_good = [1, 2]\nconductance = [{}]\n"
    report, _ = checked(more=table.format("1e-9, 1e-3"), gate=True)
    assert report.ok
    assert report.of("known-good cell")[0].subject == "cell (1, 2)"
    report, _ = checked(more=table.format("1e-3, 2e-3"), gate=True)
    assert failed(report) == {("known-good cell", "cell (1, 2)")}
    assert "expected 1 mS to 2 mS" in report.failed[0].seen
    noisy = preflight(bench_file(more="\n[preflight]\nleakage = 1e-16\n"))
    assert noisy.failed_of("leakage of open rows")
    assert noisy.failed_of("leakage of pads")
    for wrong in ("known_good = [16, 0]", "conductance = [2e-3, 1e-3]"):
        with pytest.raises(BenchFileError, match=wrong.split()[0]):
            preflight(bench_file(more=f"\n[preflight]\n{wrong}\n"))


def test_every_instrument_that_does_not_answer_as_it_should_is_named_at_once(checked):
    faults = (
        '\n[simulation.faults.gate]\nidentity = "2400"\n'
        "\n[simulation.faults.matrix]\nsilent = true\n"
    )
    report, seen = checked(more=faults)
    assert failed(report) == {("identity", "gate"), ("identity", "matrix")}
    told = {finding.subject: finding.seen for finding in report.failed}
    assert "2400" in told["gate"]
    assert "GPIB0::27::INSTR" in told["gate"]
    assert "GPIB0::16::INSTR" in told["matrix"]
    assert not any(seen.highest.values())
    assert not report.of("relays open")


def test_garbage_instead_of_answers_is_found_and_named(checked):
    report, _ = checked(more="\n[simulation.faults.smu]\ngarbage = true\n")
    assert failed(report) == {("identity", "smu")}


@pytest.mark.parametrize("messages", [5, 60, 130])
def test_an_instrument_that_dies_on_the_way_is_named_and_the_others_go_to_zero(checked, messages):
    report, seen = checked(more=f"{MATRIX}silent_after = {messages}\n")
    assert not report.ok
    assert any("matrix" in f.seen or "707B" in f.seen for f in report.failed)
    assert max(seen.highest.values()) <= 0.1


def test_an_open_interlock_is_found_and_named(checked):
    report, _ = checked(more='\n[simulation.faults.gate]\ninterlock = "open"\n')
    assert failed(report) == {("interlock", "word_line")}
    assert not report.of("relays open")


def test_a_source_meter_whose_readings_overflow_is_found_and_named(checked):
    report, _ = checked(more="\n[simulation.faults.smu]\nover_range = true\n")
    assert not report.ok
    assert all("bit_line" in f"{f.subject} {f.seen}" for f in report.failed)


def test_a_matrix_that_reports_other_relays_than_it_was_sent_is_found(bench_file):
    path = bench_file(QUIET)
    world = Truth(path).world

    def meddle(check, done, total):
        if check == "relays close" and done == 20:
            world.box("matrix").relays.closed.add((2, 1, 12))

    report = preflight(path, progress=meddle)
    assert failed(report) == {("relays read back", "crosspoint 2B12")}
    assert "reported closed after it was opened" in report.failed[0].seen


@pytest.mark.parametrize("check", ["self-test", "relays open", "relays close", "contact"])
def test_ctrl_c_leaves_outputs_at_zero_and_relays_open(bench_file, check):
    path = bench_file(QUIET)

    def interrupt(now, done, total):
        if now == check:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        preflight(path, Wishes(gate=True), interrupt)
    truth = Truth(path)
    assert not any(truth.levels())
    assert not truth.closed()
    with Bench.open(path) as bench:  # the right to the bench is given back
        assert len(bench.array.read([[0, 0]])) == 1


@pytest.mark.parametrize("fault", ["", "\n[simulation.faults.smu]\nover_range = true\n"])
def test_the_matrix_forbids_again_what_no_cell_needs(bench_file, fault):
    path = bench_file(QUIET, more=fault)
    manager = pyvisa.ResourceManager(f"{path.resolve()}@labsim")

    def forbidden():
        with manager.open_resource("GPIB0::16::INSTR") as matrix:
            answer = matrix.query('print(channel.getforbidden("allslots"))')
        return set(re.split("[;,]", answer.strip()))

    during = {}

    def look(check, done, total):
        during[check] = forbidden()

    with Bench.open(path):
        before = forbidden()
    assert "1B01" in before  # the bit-line source on a word line
    report = preflight(path, progress=look)
    assert report.of("leakage of open rows") or fault
    assert fault or during["leakage of open rows"] == {"nil"}  # every row is put on every pad
    assert during["wear"] == before
    assert forbidden() == {"nil"}  # the next bench may be wired otherwise


def test_probing_refuses_more_than_a_tenth_of_a_volt(bench_file):
    with Bench.open(bench_file(QUIET)) as bench:
        probing = Probing(bench.file, bench.safety, bench.array.closures)
        list(probing.set_up())
        with pytest.raises(LimitError, match=r"no more than 0\.1 V"):
            probing.measure("bit_line", 0.11)
        assert set(probing.pads) == set(parse_wiring(bench.file))


def test_it_goes_no_further_on_a_bench_that_was_stopped(bench_file):
    path = bench_file(QUIET)
    with Bench.open(path) as bench:
        probing = Probing(bench.file, bench.safety, bench.array.closures)
        list(probing.set_up())
        bench.stop("the test said so")
        with pytest.raises(LatchedError, match="the test said so"):
            probing.connect(probing.grounded(["WL0"]))
        with pytest.raises(LatchedError, match="the test said so"):
            probing.measure("bit_line")
        assert not Truth(path).closed()


def test_it_is_refused_while_another_program_has_the_bench(bench_file):
    path = bench_file()
    with Bench.open(path), pytest.raises(EngineError):
        preflight(path)


def test_a_cell_that_is_not_there_is_refused_before_anything_is_connected(bench_file):
    path = bench_file()
    with pytest.raises(WiringError):
        preflight(path, Wishes(cell=(0, 16)))
    with pytest.raises(WiringError, match="name one"):
        check_bench(path, "row 3", False, True)


def test_errors_left_from_before_are_shown_and_are_no_fault(bench_file):
    path = bench_file(QUIET)
    manager = pyvisa.ResourceManager(f"{path.resolve()}@labsim")
    with manager.open_resource("GPIB0::26::INSTR") as smu:
        smu.write("nonsense()")
    report = preflight(path)
    assert report.ok
    [left] = [f for f in report.findings if f.outcome is Outcome.WARNING]
    assert (left.check, left.subject) == ("error queue", "smu")
    assert "left from before" in left.seen


def test_its_closures_are_kept_and_the_matrix_is_asked_for_its_own_count(bench_file):
    path = bench_file(QUIET, more='state = "chip.npz"\n')
    report = preflight(path)
    assert report.ok
    assert [f.outcome for f in report.of("wear")] == [Outcome.PASS]
    found = worn(load_bench_file(path))
    counted = {part.part: part.count for part in found.relays if part.count}
    assert counted == {p: n for p, n in Truth(path).world.closures.items() if n}
    assert all(part.own == part.count for part in found.relays)
    assert not found.cells
    [book] = (path.parent / "wear").glob("matrix-*")
    WearFile(book).put_own({"2D04": 90_000_000})  # it has a longer memory than the book
    report = preflight(path)
    assert report.ok, report.failed
    assert [f.outcome for f in report.of("wear")] == [Outcome.PASS]  # asked again: a new card
    WearFile(book).add({"2D04": 90_000_000})
    report = preflight(path)
    [worn_out] = report.of("wear")
    assert worn_out.outcome is Outcome.WARNING
    assert "2D04" in worn_out.seen


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda path: path.stem)
def test_every_bench_that_comes_with_labctl_passes_when_simulated(file, tmp_path):
    text = re.sub(r'^visa = "[^"]*"', 'visa = "@labsim"', file.read_text("utf-8"), flags=re.M)
    path = tmp_path / file.name
    path.write_text(text, "utf-8")
    try:
        seen = Truth(path)
        report = preflight(path, Wishes(gate=True))
        assert report.ok, report.failed
        assert {f.outcome for f in report.of("contact")} == {Outcome.PASS}
        assert {v.kind for v in seen.violations} == {"two sources on one column"}
    finally:
        sim.discard(str(path.resolve()))


def test_a_passive_array_shows_contact_at_a_tenth_of_a_volt_and_the_row_of_a_weld(checked):
    passive = (
        ('source_lines = "columns"', 'source_lines = "none"'),
        ('"SL0..15" = "5.1..6.4"\n', ""),
        ("[instruments.smu]", '[array]\nkind = "passive"\n\n[instruments.smu]'),
    )
    report, seen = checked(*passive)
    assert report.ok, report.failed
    assert Counter(f.outcome for f in report.of("contact")) == {Outcome.PASS: 32}
    assert max(seen.highest.values()) == 0.1
    report, _ = checked(*passive, more=f'{MATRIX}welded = ["3B05"]\n')
    assert ("relays open", "row B (bit_line)") in failed(report)


def test_the_command_prints_what_to_do_and_its_exit_status_tells(bench_file, capsys):
    path = bench_file(QUIET, more=f'{MATRIX}welded = ["1A01"]\n')
    assert not check_bench(path, None, False, as_json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "crosspoint 1A01: Replace the relay" in shown
    assert "Outputs are at zero, relays open" in shown
    done = subprocess.run(
        [sys.executable, "-m", "labctl", "bench", "check", "--json", "-b", str(path)],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert not told["ok"]
    [fault] = [f for f in told["findings"] if f["outcome"] == "fail"]
    assert fault["subject"] == "crosspoint 1A01"
    assert fault["cure"]
