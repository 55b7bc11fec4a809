"""Contacts: wear, sticking, and benches with several mainframes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from labctl.errors import BenchFileError
from labctl.sim import discard
from labctl.sim.faults import Faults
from labctl.sim.hookup import read_hookup
from labctl.sim.instruments.relays import Crosspoint, Relays, label, parse
from tests.sim.instruments.matrices import BENCH, Recorder
from tests.sim.rig import Rig

POINT = (1, 0, 1)


def worn(used: int, seed: int, life: float = 1e8) -> tuple[Relays, Faults]:
    faults = Faults()
    rng = np.random.default_rng(seed)
    return Relays(lambda o, c: None, faults, used=used, life=life, rng=rng), faults


def closures_until_failure(life: float, seed: int) -> tuple[int, str]:
    relays, faults = worn(0, seed, life)
    for count in range(1, int(20 * life)):
        relays.move([], [POINT])
        if faults.welded or faults.open_relays:
            return count, "welded" if faults.welded else "open"
        relays.move([POINT], [])
    raise AssertionError("it never failed")


def test_relays_fail_around_their_rated_life_and_in_both_ways() -> None:
    life = 200.0
    found = [closures_until_failure(life, seed) for seed in range(120)]
    counts = np.array([count for count, _ in found])
    assert np.mean(counts <= life) == pytest.approx(1 - np.exp(-1), abs=0.13)
    assert np.mean(counts <= life / 4) < 0.06
    assert np.mean(counts <= 2 * life) > 0.98
    ways = [way for _, way in found]
    assert 0.35 < ways.count("welded") / len(ways) < 0.65


def test_a_young_relay_does_not_fail() -> None:
    relays, faults = worn(0, 0)
    for _ in range(2000):
        relays.move([], [POINT])
        relays.move([POINT], [])
    assert not faults.welded
    assert not faults.open_relays
    assert relays.count(POINT) == 2000


def test_age_of_the_bench_file_wears_the_relays_and_is_in_the_count() -> None:
    rig = Recorder("34980A", {"relay_closures": 500_000_000, "relay_life": 1e8})
    assert rig.ask("DIAG:REL:CYCL? (@1101)") == "+500000000"
    stuck = 0
    for _ in range(2000):
        rig.tell("ROUT:CLOS (@1101:1116)", "ROUT:OPEN (@1101:1116)")
    stuck = len(rig.faults.welded) + len(rig.faults.open_relays)
    assert stuck == 0 or all(name.startswith("11") for name in rig.faults.welded)
    chance = 3 / 1e8 * 5.0**2  # of one closure, at five times the rated life
    assert stuck == pytest.approx(16 * 2000 * chance, abs=3)


@pytest.mark.parametrize("table", [{"relay_life": 0}, {"relay_closures": -1}])
def test_senseless_wear_is_refused(table: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="relay_"):
        Recorder("707B", table)


def test_a_welded_contact_moves_no_more_and_is_not_reported() -> None:
    moves: list[tuple[list[Crosspoint], list[Crosspoint]]] = []
    faults = Faults(welded=["1A01"], open_relays=["1A02"])
    relays = Relays(lambda o, c: moves.append((sorted(o), sorted(c))), faults)
    assert moves == [([], [(1, 0, 1)])]
    assert relays.move([], [(1, 0, 1), (1, 0, 2), (1, 0, 3)])
    assert moves[1:] == [([], [(1, 0, 3)])]
    assert relays.move([(1, 0, 1), (1, 0, 2), (1, 0, 3)], [])
    assert moves[2:] == [([(1, 0, 3)], [])]
    assert relays.closed == set()
    assert relays.touching == {(1, 0, 1)}
    faults.welded.clear()
    assert moves[3:] == [([(1, 0, 1)], [])]
    relays.weld((1, 0, 5))
    assert list(faults.welded) == ["1A05"]
    assert len(moves) == 4  # it sticks where it is; nothing moves


def test_a_contact_both_welded_and_broken_does_not_conduct() -> None:
    relays = Relays(lambda o, c: None, Faults(welded=["1A01"], open_relays=["1A01"]))
    relays.move([], [POINT])
    assert relays.touching == set()
    assert relays.closed == {POINT}


@pytest.mark.parametrize(
    "name", ["1A1", "1A123", "0A01", "1Z01", "1A00", "AAAA", "1A0", "", "9H99"]
)
def test_names_that_are_no_crosspoint(name: str) -> None:
    assert parse(name, 6, 12) is None


def test_names_and_crosspoints_belong_together() -> None:
    for point in ((1, 0, 1), (6, 7, 12), (3, 4, 10)):
        assert parse(label(point), 6, 12) == point


# -- several mainframes on one bench ---------------------------------------------------------------

SECOND = """
[instruments.second]
driver = "matrix"
model = "7001"
address = "GPIB0::17::INSTR"
"""
TWO = BENCH.format(model="707B", width=12).replace(
    '[matrix]\ninstrument = "matrix"', f'{SECOND}[matrix]\ninstrument = ["matrix", "second"]'
)


@pytest.fixture(params=["prefix", "table"])
def two(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    text = TWO.replace("columns_per_slot = 12", "columns_per_slot = {matrix = 12, second = 10}")
    if request.param == "prefix":
        text = text.replace('"2.1..2.2"', '"second:1.10..2.1"')
    else:
        text = text.replace('"SL0..1" = "2.1..2.2"\n', "")
        text = text.replace(
            "[simulation]", '[matrix.wiring.second]\n"SL0..1" = "1.10..2.1"\n[simulation]'
        )
    rig = Rig(tmp_path, text=text)
    yield rig
    rig.close()


def test_two_mainframes_of_different_makes_reach_one_cell_together(two: Rig) -> None:
    second = two.open("GPIB0::17::INSTR")
    two.matrix.write('channel.close("1D02,1A01,1B03")')
    second.write(":CLOS (@1!3!10)")
    two.switch_on()
    two.gate_at(1.6)
    for _ in range(20):
        two.smu.write("smua.source.levelv = 3.5 delay(0.01) smua.source.levelv = 0")
    two.gate_at(5)
    assert two.read()[0] > 1e-6
    two.gate_at(0)
    second.write(":OPEN ALL;:CLOS (@2!3!1)")  # the other source line
    two.gate_at(5)
    assert abs(two.read()[0]) < 1e-9
    two.gate_at(0)
    assert two.world.closures == {
        "1A01": 1,
        "1B03": 1,
        "1D02": 1,
        "second:1C10": 1,
        "second:2C01": 1,
    }
    two.world.faults("second").welded.append("1!3!10")
    two.gate_at(5)
    assert two.read()[0] > 1e-6


def test_rows_of_all_mainframes_are_joined(two: Rig) -> None:
    second = two.open("GPIB0::17::INSTR")
    two.matrix.write('channel.close("1A03")')
    second.write(":CLOS (@1!2!10)")
    two.matrix.write('channel.close("1B03")')
    assert [v.text for v in two.world.violations] == ["rows A, B on pad BL0"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"2.1..2.2"', '"third:1.1..1.2"', "third"),
        ('["matrix", "second"]', '["matrix", "third"]', "third"),
        ('"2.1..2.2"', '"second:1"', "does not parse"),
    ],
)
def test_wiring_that_leads_nowhere_is_refused(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(TWO.replace(old, new), encoding="utf-8")
    with pytest.raises(BenchFileError, match=says):
        read_hookup(path)
    discard(str(path))


def test_a_matrix_that_no_wiring_names_moves_relays_that_lead_nowhere(tmp_path: Path) -> None:
    rig = Rig(tmp_path, text=BENCH.format(model="707B", width=12) + SECOND)
    try:
        second = rig.open("GPIB0::17::INSTR")
        second.write(":CLOS (@1!1!3)")
        assert second.query(":CLOS:STAT?") == "(@1!1!3)"
        rig.matrix.write('channel.close("1B03")')
        assert rig.world.violations == []
    finally:
        rig.close()
