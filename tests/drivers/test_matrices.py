"""What every switch matrix does on its simulated box, in the same words."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvisa

from labctl import sim
from labctl.array import Pulse
from labctl.bench import Bench
from labctl.errors import ConnectionLostError, InstrumentError
from labctl.instruments import SwitchMatrix
from labctl.sim.world import World

MODELS = {
    "707A": "keithley707a",
    "707B": "keithley707b",
    "708B": "keithley707b",
    "3706A": "keithley3706a",
    "7001": "keithley7001",
    "7002": "keithley7001",
    "B2200A": "keysightb2200",
    "B2201A": "keysightb2200",
    "E5250A": "keysightb2200",
    "34980A": "keysight34980a",
    "34970A": "keysight34980a",
}
COUNTING = ("707B", "708B", "3706A", "34980A", "34970A")
FORBIDDING = ("707B", "708B", "3706A", "7001", "7002")
ADDRESS = "GPIB0::16::INSTR"
TEXT = """
[bench]
visa = "@labsim"
[chip]
name = "two by two"
rows = 2
columns = 2
[instruments.smu]
driver = "keithley2600"
model = "2636B"
address = "GPIB0::26::INSTR"
[instruments.gate]
driver = "keithley2600"
model = "2635B"
address = "GPIB0::27::INSTR"
[instruments.matrix]
driver = "{driver}"
model = "{model}"
address = "GPIB0::16::INSTR"
[terminals.word_line]
instrument = "gate"
row = "A"
compliance = 1e-5
current_range = 1e-5
max_voltage = 5.0
max_current = 1e-4
[terminals.bit_line]
instrument = "smu"
channel = "a"
row = "B"
compliance = 1e-3
current_range = 1e-4
max_voltage = 4.0
max_current = 1e-3
[terminals.source_line]
instrument = "smu"
channel = "b"
row = "C"
compliance = 1e-3
current_range = 1e-3
max_voltage = 4.0
max_current = 1e-3
[matrix]
instrument = "matrix"
ground = "D"
columns_per_slot = {width}
[matrix.wiring]
"WL0..1" = "1.1..1.2"
"BL0..1" = "1.3..1.4"
"SL0..1" = "1.5..1.6"
[simulation]
preset = "hfox-1t1r"
seed = 3
noise = false
instrument_noise = false
"""


@dataclass
class Rig:
    """One matrix, connected, and the simulated bench behind it."""

    model: str
    path: Path
    world: World
    matrix: Any

    @property
    def really(self) -> set[tuple[int, int, int]]:
        """The contacts that touch: slot, row and column, rows from 0."""
        return set(self.world.box("matrix").relays.touching)

    @property
    def faults(self) -> Any:
        return self.world.faults("matrix")

    def points(self, count: int) -> list[str]:
        """The first crosspoints of slot 1, row by row."""
        ability = self.matrix.ability
        width = min(ability.columns, 8)
        places = product(ability.rows[:4], range(1, width + 1))
        return [self.matrix.crosspoint(row, 1, column) for row, column in places][:count]


@pytest.fixture(params=MODELS)
def rig(tmp_path, request):
    with_matrix = write(tmp_path, request.param)
    module = importlib.import_module(f"drivers.{MODELS[request.param]}")
    matrix = module.open_instrument(ADDRESS, request.param, f"{with_matrix}@labsim")
    yield Rig(request.param, with_matrix, sim.world_of(str(with_matrix)), matrix)
    matrix.close()
    sim.discard(str(with_matrix))


def write(folder: Path, model: str) -> Path:
    module = importlib.import_module(f"drivers.{MODELS[model]}")
    width = min(module.MODELS[model].columns, 32)
    path = (folder / "bench.toml").resolve()
    path.write_text(TEXT.format(driver=MODELS[model], model=model, width=width), encoding="utf-8")
    return path


def test_it_is_the_matrix_that_labctl_asks_for(rig):
    matrix = rig.matrix
    assert isinstance(matrix, SwitchMatrix)
    assert matrix.identity.model == rig.model
    assert matrix.life >= 1e6
    assert matrix.self_check() == []
    assert matrix.self_test() == []
    assert "NONE" not in matrix.card(1)
    with pytest.raises(InstrumentError, match="is a switch matrix"):
        matrix.channel("a")


def test_it_has_the_crosspoints_of_its_cards_and_no_others(rig):
    matrix = rig.matrix
    ability = matrix.ability
    assert matrix.has("A", 1, 1)
    assert matrix.has(ability.rows[-1], ability.slots, 1)
    for row, slot, column in (
        ("Z", 1, 1),
        ("", 1, 1),
        ("AB", 1, 1),
        ("A", 0, 1),
        ("A", ability.slots + 1, 1),
        ("A", 1, 0),
        ("A", 1, ability.columns + 1),
    ):
        assert not matrix.has(row, slot, column)


def test_crosspoints_have_names_of_their_own_that_mean_what_they_say(rig):
    matrix = rig.matrix
    slots = range(1, matrix.ability.slots + 1)
    columns = range(1, matrix.ability.columns + 1)
    places = [p for p in product(matrix.ability.rows, slots, columns) if matrix.has(*p)]
    assert len({matrix.crosspoint(*place) for place in places}) == len(places) > 30
    rng = np.random.default_rng(1)
    for k in rng.permutation(len(places))[:6]:
        row, slot, column = places[k]
        matrix.move([], [matrix.crosspoint(row, slot, column)])
        assert rig.really == {(slot, matrix.ability.rows.index(row), column)}
        assert matrix.closed() == {matrix.crosspoint(row, slot, column)}
        matrix.open_all()


def test_moves_are_read_back(rig):
    first, second, third = rig.points(3)
    matrix = rig.matrix
    matrix.open_all()
    assert matrix.closed() == frozenset()
    matrix.move([], [first, second])
    assert matrix.closed() == {first, second}
    matrix.move([first], [third])
    assert matrix.closed() == {second, third}
    assert len(rig.really) == 2
    matrix.open_all()
    assert matrix.closed() == frozenset()
    assert not rig.really


def test_relays_open_before_others_close(rig, monkeypatch):
    first, second = rig.points(2)
    rig.matrix.move([], [first])
    relays = rig.world.box("matrix").relays
    moves = []
    move = relays.move

    def watched(opened, closed):
        opened, closed = list(opened), list(closed)
        moves.append((len(opened), len(closed)))
        return move(opened, closed)

    monkeypatch.setattr(relays, "move", watched)
    rig.matrix.move([first], [second])
    assert [m for m in moves if m != (0, 0)] == [(1, 0), (0, 1)]


def test_a_move_takes_the_settling_time_of_the_relays(rig):
    first, second = rig.points(2)
    rig.matrix.move([], [first])
    before = rig.world.clock.now()
    rig.matrix.move([first], [second])
    assert rig.world.clock.now() - before >= 2 * rig.world.box("matrix").matrix.settling


def test_more_crosspoints_than_a_message_holds(rig):
    points = rig.points(30)
    rig.matrix.move([], points)
    assert rig.matrix.closed() == set(points)
    rig.matrix.move(points[:28], [])
    assert rig.matrix.closed() == set(points[28:])


def test_a_crosspoint_that_is_not_there_is_refused_in_the_box_own_words(rig):
    wrong = {"707A": "A99", "707B": "9A01", "708B": "2A01", "3706A": "1999"}
    point = wrong.get(rig.model, "9!9!9" if rig.model.startswith("70") else "99999")
    with pytest.raises(InstrumentError, match=r"did not move its relays.*\w"):
        rig.matrix.move([], [point])
    assert rig.matrix.closed() == frozenset()
    assert rig.matrix.self_check() == []


def test_counters_of_the_box_are_told_where_it_has_them(rig):
    first, second = rig.points(2)
    before = rig.matrix.closures([first, second])
    if rig.model not in COUNTING:
        assert before is None
        return
    for _ in range(3):
        rig.matrix.move([], [first])
        rig.matrix.move([first], [second])
        rig.matrix.move([second], [])
    after = rig.matrix.closures([first, second])
    assert [after[p] - before[p] for p in (first, second)] == [3, 3]


def test_forbidden_crosspoints_stay_open_and_those_forbidden_by_hand_stay_forbidden(rig):
    mine, other, by_hand = rig.points(3)
    if rig.model not in FORBIDDING:
        rig.matrix.forbid([mine])  # the box cannot; labctl.coldmatrix refuses them
        rig.matrix.move([], [mine])
        return
    message = {"7001": ":ROUT:FCH (@{})", "7002": ":ROUT:FCH (@{})"}.get(
        rig.model, 'channel.setforbidden("{}")'
    )
    rig.matrix.line.send(message.format(by_hand))
    rig.matrix.forbid([mine, by_hand])
    for point in (mine, by_hand):
        with pytest.raises(InstrumentError, match="did not move"):
            rig.matrix.move([], [point])
    rig.matrix.forbid([other])
    rig.matrix.move([], [mine])
    for point in (other, by_hand):
        with pytest.raises(InstrumentError, match="did not move"):
            rig.matrix.move([], [point])
    rig.matrix.forbid([])
    rig.matrix.move([], [other])
    with pytest.raises(InstrumentError, match="did not move"):
        rig.matrix.move([], [by_hand])


def test_bare_messages_open_every_relay_beside_the_driver(rig):
    rig.matrix.move([], rig.points(5))
    module = importlib.import_module(f"drivers.{MODELS[rig.model]}")
    safe = module.safe_messages(rig.model)
    assert not safe.zero
    assert not safe.off
    manager = pyvisa.ResourceManager(f"{rig.path}@labsim")
    other = manager.open_resource(ADDRESS, write_termination="\n")
    for message in (*safe.break_off, *safe.open_all):
        other.write(message)
    other.close()
    assert not rig.really
    assert rig.matrix.closed() == frozenset()


@pytest.mark.parametrize(
    ("fault", "error"),
    [("silent", ConnectionLostError), ("lost", ConnectionLostError), ("garbage", InstrumentError)],
)
def test_a_box_that_fails_is_told(rig, fault, error):
    [first] = rig.points(1)
    rig.matrix.move([], [first])
    setattr(rig.faults, fault, True)
    for action in (lambda: rig.matrix.move([first], []), rig.matrix.closed, rig.matrix.open_all):
        with pytest.raises(error, match=rig.model):
            action()
    setattr(rig.faults, fault, False)


def test_a_late_answer_is_not_taken_for_the_next(rig):
    first, second = rig.points(2)
    rig.matrix.move([], [first])
    rig.faults.delay = 20.0
    with pytest.raises(ConnectionLostError):
        rig.matrix.closed()
    rig.faults.delay = 0.0
    rig.matrix.move([first], [second])
    assert rig.matrix.closed() == {second}


@pytest.mark.parametrize("model", MODELS)
def test_a_bench_reads_the_cell_asked_for_through_every_matrix(tmp_path, model):
    path = write(tmp_path, model)
    try:
        with Bench.open(path) as bench:
            for _ in range(12):
                bench.array.pulse([(1, 0)], Pulse.set(3.3, 1.6, 1e-3))
            readings = bench.array.read([(0, 0), (0, 1), (1, 0), (1, 1)])
            world = sim.world_of(str(path))
            truth = world.chip.conductance
            assert not readings.flag.any()
            assert readings.conductance[2] == pytest.approx(truth[1, 0], rel=0.05)
            assert readings.conductance[2] > 10e-6
            assert (np.abs(readings.conductance[[0, 1, 3]]) < 1e-6).all()
            assert world.violations == []
        assert not world.relays("matrix").touching
    finally:
        sim.discard(str(path))
