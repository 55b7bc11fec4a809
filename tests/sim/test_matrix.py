from __future__ import annotations

import pytest

from tests.sim.rig import Rig


def closed(rig: Rig) -> str:
    return str(rig.matrix.query('print(channel.getclose("allslots"))'))


def test_close_open_and_ask(rig: Rig) -> None:
    assert closed(rig) == "nil"
    rig.matrix.write('channel.close("1A05,1A01")')
    assert closed(rig) == "1A01;1A05"
    assert rig.matrix.query('print(channel.getstate("1A01,1A02"))') == "1,0"
    assert rig.matrix.query('print(channel.getclose("slot2"))') == "nil"
    rig.matrix.write('channel.open("1A01")')
    assert closed(rig) == "1A05"
    rig.matrix.write('channel.open("allslots")')
    assert closed(rig) == "nil"


def test_range_of_channels(rig: Rig) -> None:
    rig.matrix.write('channel.close("2C03:2C06")')
    assert closed(rig) == "2C03;2C04;2C05;2C06"


@pytest.mark.parametrize(
    "command",
    ['close("1A13")', 'close("7A01")', 'close("1I01")', 'close("1A00")', 'close("1A01,nonsense")',
     'open("1A1")', 'exclusiveclose("")', 'getcount("1A01:")', 'close("1A03:1A01")'],
)  # fmt: skip
def test_unknown_crosspoint_is_an_error_and_nothing_moves(rig: Rig, command: str) -> None:
    rig.matrix.write('channel.close("1A05")')
    rig.matrix.write(f"channel.{command}")
    assert rig.error(rig.matrix)[0] in (1115, 0 if command == 'getcount("1A01:")' else 1115)
    assert closed(rig) == "1A05"


def test_wrong_arguments(rig: Rig) -> None:
    for call, code in (("close()", -109), ("close(5)", -104), ("close('1A01', 2)", -108)):
        rig.matrix.write(f"channel.{call}")
        assert rig.error(rig.matrix)[0] == code
    assert closed(rig) == "nil"


def test_forbidden_crosspoint_is_refused_with_all_that_came_with_it(rig: Rig) -> None:
    rig.matrix.write('channel.setforbidden("2B05")')
    assert rig.matrix.query('print(channel.getforbidden("allslots"))') == "2B05"
    rig.matrix.write('channel.close("1A01,2B05")')
    assert rig.error(rig.matrix)[0] == -221
    assert closed(rig) == "nil"
    rig.matrix.write('channel.clearforbidden("allslots") channel.close("2B05")')
    assert closed(rig) == "2B05"


def test_exclusive_close_opens_the_others_and_keeps_what_stays(rig: Rig) -> None:
    rig.matrix.write('channel.close("1A01,1A02")')
    rig.matrix.write('channel.exclusiveclose("1A02,1A03")')
    assert closed(rig) == "1A02;1A03"
    assert rig.matrix.query('print(channel.getcount("1A02"))') == "1"
    rig.matrix.write('channel.close("2A01") channel.exclusiveslotclose("1A07")')
    assert closed(rig) == "1A07;2A01"


def test_closures_are_counted_for_ever(rig: Rig) -> None:
    for _ in range(3):
        rig.matrix.write('channel.close("1A01") channel.close("1A01") channel.open("1A01")')
    rig.matrix.write("reset()")
    assert float(rig.matrix.query('print(channel.getcount("1A01"))')) == 3
    assert rig.world.closures == {"1A01": 3}


@pytest.mark.parametrize(("rule", "steps"), [(0, 1), (1, 2), (2, 2)])
def test_relays_cost_bench_time_by_connect_rule(rig: Rig, rule: int, steps: int) -> None:
    rig.matrix.write(f'channel.connectrule = {rule} channel.close("1A01")')
    before = rig.world.clock.now()
    rig.matrix.write('channel.exclusiveclose("1A02")')
    assert rig.world.clock.now() - before == pytest.approx(steps * 4e-3, abs=5e-4)


def test_what_does_not_move_costs_no_settling_and_delays_add(rig: Rig) -> None:
    rig.matrix.write('channel.close("1A01") channel.setdelay("1A02", 0.5)')
    before = rig.world.clock.now()
    rig.matrix.write('channel.close("1A01")')
    assert rig.world.clock.now() - before < 1e-3
    rig.matrix.write('channel.close("1A02")')
    assert rig.world.clock.now() - before == pytest.approx(0.504, abs=1e-3)


def test_sequential_connection_takes_one_step_each(rig: Rig) -> None:
    rig.matrix.write("channel.connectsequential = channel.ON")
    before = rig.world.clock.now()
    rig.matrix.write('channel.close("1A01,1A02,1A03")')
    assert rig.world.clock.now() - before == pytest.approx(12e-3, abs=5e-4)


def test_slots_tell_their_cards(rig: Rig) -> None:
    assert "7174A" in rig.matrix.query("print(slot[6].idn)")
    assert rig.matrix.query("print(slot[7])") == "nil"
