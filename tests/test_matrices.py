"""Several mainframes as one matrix, on the simulated bench."""

from __future__ import annotations

from dataclasses import replace

import pytest

from labctl.bench import Bench
from labctl.errors import BenchFileError, InstrumentError, WiringError
from labctl.matrices import MatrixGroup
from tests.truth import Truth

SECOND = """
[instruments.second]
driver = "keithley707b"
model = "707B"
address = "GPIB0::17::INSTR"
"""
TWO = (
    ('[matrix]\ninstrument = "matrix"', f'{SECOND}\n[matrix]\ninstrument = ["matrix", "second"]'),
    ('"SL0..15" = "5.1..6.4"', '"SL0..15" = "second:1.1..2.4"'),
)


@pytest.fixture
def two(bench_file):
    path = bench_file(*TWO, ("noise = true", "noise = false"))
    with Bench.open(path) as bench:
        yield bench, bench.safety.matrix._matrix, Truth(path).world


def test_a_crosspoint_is_named_after_its_mainframe(two):
    _, matrix, _ = two
    assert isinstance(matrix, MatrixGroup)
    assert matrix.crosspoint("A", 1, 3) == "matrix:1A03"
    assert matrix.crosspoint("C", 102, 4) == "second:2C04"
    assert matrix.has("H", 106, 12)
    assert not matrix.has("H", 107, 12)
    assert not matrix.has("A", 200, 1)
    assert not matrix.has("A", 0, 1)
    with pytest.raises(WiringError, match="mainframe 3; there are 2"):
        matrix.crosspoint("A", 201, 1)
    for wrong in ("1A01", "third:1A01", "second:"):
        with pytest.raises(WiringError, match="matrix, second"):
            matrix.move([wrong], [])


def test_every_mainframe_opens_before_any_closes(two, monkeypatch):
    _, matrix, world = two
    matrix.move([], ["matrix:1A01", "second:1C01", "second:1C02"])
    seen = []
    really = world.circuit.move

    def move(opened, closed, stick=False):
        opened, closed = list(opened), list(closed)
        seen.append((len(opened), len(closed)))
        return really(opened, closed, stick)

    monkeypatch.setattr(world.circuit, "move", move)
    matrix.move(["second:1C01", "matrix:1A01"], ["matrix:1A02", "second:1C03"])
    moved = [step for step in seen if step != (0, 0)]
    assert moved == [(1, 0), (1, 0), (0, 1), (0, 1)]
    assert matrix.closed() == {"matrix:1A02", "second:1C02", "second:1C03"}


def test_a_move_inside_one_mainframe_is_left_to_it(two, monkeypatch):
    _, matrix, _ = two
    matrix.move([], ["second:1C01"])
    told = []
    second = matrix.mainframes["second"]
    really = second.move
    monkeypatch.setattr(second, "move", lambda *both: (told.append(both), really(*both)))
    matrix.move(["second:1C01"], ["second:1C02"])
    assert told == [(["1C01"], ["1C02"])]
    assert matrix.closed() == {"second:1C02"}


@pytest.mark.parametrize("dead", ["matrix", "second"])
def test_a_dead_mainframe_does_not_keep_the_relays_of_the_other_closed(two, dead):
    _, matrix, world = two
    matrix.move([], ["matrix:1A01", "second:1C01"])
    world.faults(dead).silent = True
    with pytest.raises(InstrumentError, match=f"mainframe {dead}: .*does not answer"):
        matrix.open_all()
    other = {"matrix": "second", "second": "matrix"}[dead]
    assert not world.relays(other).closed
    world.faults(dead).silent = False


def test_all_dead_mainframes_are_named(two):
    _, matrix, world = two
    for name in matrix.mainframes:
        world.faults(name).silent = True
    with pytest.raises(InstrumentError, match=r"mainframe matrix: .*; mainframe second: "):
        matrix.open_all()
    for name in matrix.mainframes:
        world.faults(name).silent = False


def test_each_mainframe_refuses_its_part_of_what_is_forbidden(two):
    _, matrix, _ = two  # the bench has told them
    for point in ("matrix:1B01", "second:1A01"):  # bit line on a word line, gate on a source line
        with pytest.raises(InstrumentError, match="did not move"):
            matrix.move([], [point])
    matrix.forbid(["second:2A01"])
    matrix.move([], ["matrix:1B01", "second:1A01"])
    with pytest.raises(InstrumentError, match=r"mainframe second: .*forbidden"):
        matrix.move([], ["second:2A01"])


def test_closures_settling_and_life_are_those_of_all_mainframes(two):
    _, matrix, _ = two
    before = matrix.closures(["matrix:1A01", "second:1C01"])
    assert set(before) == {"matrix:1A01", "second:1C01"}
    matrix.move([], ["second:1C01"])
    after = matrix.closures(["matrix:1A01", "second:1C01"])
    assert after["second:1C01"] == before["second:1C01"] + 1
    assert after["matrix:1A01"] == before["matrix:1A01"]
    assert matrix.settling == 0.004  # [matrix] settling, which the bench hands on
    matrix.mainframes["second"].settling = 0.02
    assert matrix.settling == 0.02
    matrix.settling = 0.005
    assert {each.settling for each in matrix.mainframes.values()} == {0.005}
    first, second = matrix.mainframes.values()
    assert matrix.life == first.life == second.life == 1e8
    second.ability = replace(second.ability, life=1e6)  # relays of another kind
    for order in (first, second), (second, first):
        assert MatrixGroup({str(k): each for k, each in enumerate(order)}).life == 1e6


def test_cells_behind_two_mainframes_are_read_like_any_other(two):
    bench, matrix, world = two
    cells = bench.array.all_cells[::37]
    readings = bench.array.read(cells)
    truth = [world.chip.conductance[tuple(cell)] for cell in cells]
    assert readings.conductance == pytest.approx(truth, rel=0.05, abs=2e-9)
    assert world.violations == []
    assert {point.split(":")[0] for point in matrix.closed()} == {"matrix", "second"}
    bench.off()
    assert not matrix.closed()


def test_one_mainframe_in_a_list_keeps_its_own_notation(bench_file):
    path = bench_file(('instrument = "matrix"\nground', 'instrument = ["matrix"]\nground'))
    with Bench.open(path) as bench:
        bench.array.read([[0, 0]])
        assert "1A01" in bench.safety.matrix.closed()


def test_what_is_not_a_matrix_cannot_be_a_mainframe(bench_file):
    path = bench_file(('instrument = "matrix"\nground', 'instrument = ["matrix", "gate"]\nground'))
    with pytest.raises(BenchFileError, match="2635B is no switch matrix"):
        Bench.open(path)
