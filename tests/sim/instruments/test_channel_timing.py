"""What a reading and a step of the level of a 2600 cost in bench time."""

from __future__ import annotations

import pytest

from tests.sim.rig import Rig


def cost(rig: Rig, *, before: str = "", what: str) -> float:
    """Return the bench time of some TSP, s, as the box's own timer shows it."""
    return float(rig.smu.query(f"{before} timer.reset() {what} print(timer.measure.t())"))


@pytest.mark.parametrize("nplc", [0.1, 1, 10])
def test_reading_integrates_its_line_cycles(rig: Rig, nplc: float) -> None:
    plain = cost(rig, before=f"smua.measure.autozero = 0 smua.measure.nplc = {nplc}",
                 what="smua.measure.i()")  # fmt: skip
    line = 1 / float(rig.smu.query("print(localnode.linefreq)"))
    assert nplc * line <= plain < nplc * line + 1e-3


def test_autozero_adds_conversions_to_every_reading(rig: Rig) -> None:
    nplc = "smua.measure.nplc = 1 smua.measure.autozero = "
    off = cost(rig, before=nplc + "0", what="smua.measure.i()")
    auto = cost(rig, before=nplc + "2", what="smua.measure.i()")
    assert auto > 1.9 * off


def test_measure_delay_passes_before_every_reading(rig: Rig) -> None:
    fast = "smua.measure.nplc = 0.001 smua.measure.autozero = 0 "
    without = cost(rig, before=fast, what="smua.measure.i()")
    with_delay = cost(rig, before="smua.measure.delay = 0.25", what="smua.measure.i()")
    assert with_delay - without == pytest.approx(0.25, rel=1e-3)


def test_source_delay_passes_after_a_step_of_the_level(rig: Rig) -> None:
    rig.smu.write("smua.source.output = 1")
    without = cost(rig, what="smua.source.levelv = 0.1")
    with_delay = cost(rig, before="smua.source.delay = 0.25", what="smua.source.levelv = 0.2")
    assert with_delay - without == pytest.approx(0.25, rel=1e-3)
