"""Two 2600 on one TSP-Link, and the digital lines."""

from __future__ import annotations

import pytest

from labctl.clock import VirtualClock
from tests.sim.instruments.tsp import Talker


@pytest.fixture
def pair() -> tuple[Talker, Talker]:
    clock = VirtualClock()
    one, two = Talker("2636B", clock), Talker("2635B", clock)
    peers = {1: one.box, 2: two.box}
    one.box.link.join(peers)
    two.box.link.join(peers)
    assert one.ask("print(tsplink.reset(2), tsplink.state)") == "2.00000e+00\tonline"
    return one, two


def test_a_box_alone_finds_nobody() -> None:
    smu = Talker()
    assert smu.ask("print(tsplink.reset())") == "nil"
    assert smu.codes() == [1205]
    assert smu.ask("print(tsplink.state, node[2], node[1].model)") == "offline\tnil\t2636B"


def test_other_node_is_reached_after_a_reset_of_the_link_only() -> None:
    clock = VirtualClock()
    one, two = Talker(clock=clock), Talker("2635B", clock)
    for smu in (one, two):
        smu.box.link.join({1: one.box, 2: two.box})
    assert one.ask("print(node[2])") == "nil"
    one.send("tsplink.reset(3)")
    assert one.codes() == [1219]
    assert one.ask("tsplink.reset() print(node[2].model)") == "2635B"


def test_attributes_and_functions_of_another_node(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("node[2].smua.source.levelv = 1.5 node[2].smua.source.output = node[2].smua.OUTPUT_ON")
    assert two.number("smua.source.levelv") == 1.5
    assert one.ask("print(node[2].smua.measure.iv())") == "1.50000e-05\t1.50000e+00"
    assert one.ask("print(node[2].tsplink.node, node[2].tsplink.master, node[2].smub)") == (
        "2.00000e+00\t1.00000e+00\tnil"
    )
    one.send("node[2].reset()")
    assert two.number("smua.source.levelv") == 0


def test_buffers_of_another_node(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("n = node[2] n.smua.source.levelv = 0.5 n.smua.source.output = 1")
    one.send("n.smua.measure.count = 3 n.smua.measure.v(n.smua.nvbuffer1)")
    assert two.number("smua.nvbuffer1.n") == 3
    assert one.ask("printbuffer(1, 3, n.smua.nvbuffer1)") == ", ".join(["5.00000e-01"] * 3)
    assert one.ask("print(n.smua.nvbuffer1[2], n.smua.nvbuffer1.readings[3])") == (
        "5.00000e-01\t5.00000e-01"
    )
    one.send("smua.measure.i(node[2].smua.nvbuffer1)")
    assert one.codes() == [-104]


def test_lists_go_to_another_node(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("s = node[2].smua s.trigger.source.listv({1, 2, 3}) s.trigger.source.action = 1")
    one.send("s.trigger.count = 3 s.trigger.measure.v(s.nvbuffer1) s.trigger.measure.action = 1")
    one.send("s.source.output = 1 s.trigger.initiate() node[2].waitcomplete()")
    assert two.column(3, "smua.nvbuffer1") == [1, 2, 3]


def test_scripts_and_globals_of_another_node(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("node[2].execute('x = 21 dataqueue.add(x * 2)')")
    assert one.ask("print(node[2].dataqueue.next(), node[2].getglobal('x'))") == (
        "4.20000e+01\t2.10000e+01"
    )
    one.send("node[2].setglobal('y', 'it\\'s \"quoted\"\\n')")
    assert two.ask("print(#y)") == "1.40000e+01"


def test_errors_of_another_node_name_it(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("node[2].smua.source.levelv = 1e3")
    assert one.ask("print(errorqueue.next())") == (
        "1.10100e+03\tParameter too big\t2.00000e+01\t2.00000e+00"
    )
    assert two.codes() == []


@pytest.mark.parametrize(
    "attack",
    [
        "node[2].execute('while true do end')",
        "node[2].execute('node[1].execute(\"x = 1\")')",
        "node[2].execute('syntax error')",
        "node[2].nothing.nothing = 1",
        "node[2].smua.source.levelv = {}",
        "node[2].smua.measure.i(print)",
        "node[2]['x) os.exit('] = 1",
        "node[1].node[1].node[1] = 5",
        "node[2] = nil",
    ],
)
def test_misuse_ends_in_an_error_and_both_go_on(pair: tuple[Talker, Talker], attack: str) -> None:
    one, two = pair
    one.send(attack)
    assert one.codes()
    assert one.ask("print(1)") == two.ask("print(1)") == "1.00000e+00"


def test_node_numbers_change_and_do_not_collide(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    one.send("tsplink.node = 2")
    assert one.codes() == [1210]
    two.send("tsplink.node = 7")
    assert one.ask("print(node[7].model, node[2])") == "2635B\tnil"
    assert two.ask("print(node[7].model)") == "2635B"


def test_trigger_line_of_the_link(pair: tuple[Talker, Talker]) -> None:
    one, two = pair
    two.send("tsplink.trigger[1].mode = tsplink.TRIG_FALLING")
    two.send("smua.trigger.source.listv({1}) smua.trigger.source.action = 1")
    two.send("smua.trigger.arm.stimulus = tsplink.trigger[1].EVENT_ID smua.source.output = 1")
    two.send("smua.trigger.endsweep.action = smua.SOURCE_HOLD smua.trigger.initiate()")
    one.send("tsplink.trigger[1].mode = tsplink.TRIG_FALLING delay(1)")
    assert two.number("status.operation.sweeping.condition") == 2
    one.send("tsplink.trigger[1].assert() delay(1)")
    assert two.number("status.operation.sweeping.condition") == 0
    assert two.ports["a"].voltage == 1  # type: ignore[attr-defined]


# -- digital I/O port ------------------------------------------------------------------------------


@pytest.fixture
def smu() -> Talker:
    return Talker()


def test_lines_are_pulled_up_until_they_are_written(smu: Talker) -> None:
    assert smu.number("digio.readport()") == 16383
    smu.send("digio.writebit(3, 0)")
    assert smu.numbers("digio.readbit(3), digio.readbit(4), digio.readport()") == [0, 1, 16379]
    smu.send("digio.writeport(5)")
    assert smu.number("digio.readport()") == 5


def test_protected_lines_keep_their_level(smu: Talker) -> None:
    smu.send("digio.writeprotect = 4 digio.writeport(0)")
    assert smu.number("digio.readport()") == 4
    smu.send("digio.writebit(3, 0)")
    assert smu.number("digio.readbit(3)") == 1


def test_trigger_pulse_on_a_line(smu: Talker) -> None:
    smu.send("digio.trigger[1].pulsewidth = 0.5 digio.trigger[1].assert()")
    assert smu.number("digio.readbit(1)") == 0
    smu.send("delay(0.5)")
    assert smu.number("digio.readbit(1)") == 1
    smu.send("digio.trigger[1].pulsewidth = 0 digio.trigger[1].assert() delay(9)")
    assert smu.number("digio.readbit(1)") == 0
    smu.send("digio.trigger[1].release()")
    assert smu.number("digio.readbit(1)") == 1


def test_event_drives_a_line(smu: Talker) -> None:
    smu.send("digio.trigger[2].pulsewidth = 1 digio.trigger[2].stimulus = trigger.EVENT_ID", "*TRG")
    assert smu.number("digio.readbit(2)") == 0


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("digio.readbit(15)", 1801), ("digio.readbit(0)", 1801), ("digio.writebit(1)", -109),
        ("digio.writeport(16384)", 1101), ("digio.trigger[1].mode = 9", -224),
        ("digio.readbit('1')", -104), ("digio.readport(1)", -108),
        ("digio.trigger[1].pulsewidth = -1", 1102), ("digio.trigger[15].assert()", -286),
    ],
)  # fmt: skip
def test_wrong_parameters(smu: Talker, command: str, code: int) -> None:
    smu.send(command)
    assert smu.codes() == [code]
