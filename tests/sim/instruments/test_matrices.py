"""Every switch matrix in front of one chip: the right relays reach the cell, others do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sim.instruments.matrices import BIT, GATE, LANGUAGES, SOURCE, MatrixRig, Recorder, cell

MODELS = sorted(LANGUAGES)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., MatrixRig]]:
    rigs: list[MatrixRig] = []

    def make(model: str, more: str = "") -> MatrixRig:
        rigs.append(MatrixRig(tmp_path, model, more))
        return rigs[-1]

    yield make
    for rig in rigs:
        rig.close()


@pytest.mark.parametrize("model", MODELS)
def test_right_relays_wrong_relays_and_none(bench: Callable[..., MatrixRig], model: str) -> None:
    rig = bench(model)
    rig.form([(0, 0)])

    def read() -> float:
        rig.gate_at(5)
        current = rig.read()[0]
        rig.gate_at(0)
        return abs(current)

    rig.select(0, 0)
    assert rig.reported(*cell(0, 0), (1, GATE, 2)) == [True] * 4 + [False]
    right = read()
    assert right > 1e-6
    rig.select(0, 1)  # the neighbour on the same word line has not been formed
    assert read() < right / 100
    rig.select(1, 0)
    assert read() < right / 100
    rig.select(0, 0)
    assert abs(rig.read()[0]) < 1e-9  # gate forgotten: its level is zero
    rig.open_relays((2, SOURCE, 1))
    assert read() < 1e-9
    rig.close_relays((2, SOURCE, 1))
    assert read() == pytest.approx(right, rel=0.1)
    assert rig.world.violations == []
    assert rig.complaint() is None


@pytest.mark.parametrize("model", MODELS)
def test_a_crosspoint_that_is_not_there_is_an_error_and_nothing_moves(
    bench: Callable[..., MatrixRig], model: str
) -> None:
    rig = bench(model)
    rig.close_relays((1, BIT, 3))
    good, bad = rig.name((1, GATE, 1)), rig.language.bad
    rig.matrix.write(rig.language.close.format(f"{good},{bad}"))
    assert rig.reported((1, GATE, 1), (1, BIT, 3)) == [False, True]
    assert rig.complaint() is not None
    assert rig.complaint() is None


@pytest.mark.parametrize("model", MODELS)
def test_settling_is_charged_where_a_relay_moves_and_closures_are_counted(
    bench: Callable[..., MatrixRig], model: str
) -> None:
    rig = bench(model)
    clock, point = rig.world.clock, (2, SOURCE, 1)
    spent = []
    for act in (rig.close_relays, rig.close_relays, rig.open_relays, rig.close_relays):
        before = clock.now()
        act(point)
        spent.append(clock.now() - before)
    message = spent[1]  # nothing moved
    settling = rig.language.settling
    assert [t - message for t in spent] == pytest.approx(
        [settling, 0, settling, settling], abs=1e-4
    )
    assert rig.world.closures == {"2C01": 2}


@pytest.mark.parametrize("model", MODELS)
def test_settling_of_the_bench_file_replaces_the_models_own(model: str) -> None:
    own, set_here = (
        Recorder(model, simulation).took(command(model))
        for simulation in ({}, {"relay_settling": 1.5})
    )
    assert set_here - own == pytest.approx(1.5 - LANGUAGES[model].settling, abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_a_power_cycle_opens_the_relays_and_is_told(model: str) -> None:
    rig = Recorder(model)
    rig.tell(command(model))
    assert rig.box.relays.touching == {(1, GATE, 1)}
    rig.faults.power_cycle()
    assert rig.box.relays.touching == set()
    assert rig.steps == [([], [(1, GATE, 1)]), ([(1, GATE, 1)], [])]
    if model != "707A":
        assert int(rig.ask("*ESR?")) == 128
    rig.tell(command(model))
    assert rig.box.relays.closures[1, GATE, 1] == 2


def command(model: str) -> str:
    language = LANGUAGES[model]
    return language.close.format(language.names([(1, GATE, 1)]))


@pytest.mark.parametrize("model", [m for m in MODELS if m != "707A"])
def test_identity_and_reset(model: str) -> None:
    rig = Recorder(model)
    assert model in rig.ask("*IDN?")
    rig.faults.identity = "1234"
    assert model not in rig.ask("*IDN?")
    assert "1234" in rig.ask("*IDN?")
    rig.tell(command(model), "*RST")
    assert rig.box.relays.closed == set()
