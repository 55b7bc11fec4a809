"""Scripts of a TSP instrument: loading, naming, saving, running; prompts and queues around them."""

from __future__ import annotations

import pytest

from tests.sim.instruments.tsp import Talker


@pytest.fixture
def smu() -> Talker:
    return Talker()


def load(smu: Talker, name: str, *lines: str, head: str = "loadscript") -> None:
    smu.send(f"{head} {name}", *lines, "endscript")


def test_named_script_runs_in_all_its_ways(smu: Talker) -> None:
    load(smu, "hello", "print('hello')")
    for call in ("hello()", "hello.run()", "script.user.scripts.hello()", "script.hello.run()"):
        assert smu.ask(call) == "hello"
    assert smu.ask("print(hello.name, hello.source, hello.autorun)") == "hello\tprint('hello')\tno"
    assert smu.ask("hello.list()") == "print('hello')"
    assert smu.ask("for name in script.user.catalog() do print(name) end") == "hello"


def test_anonymous_script(smu: Talker) -> None:
    load(smu, "", "x = 5", "print(x)")
    assert (
        smu.ask("run()")
        == smu.ask("script.run()")
        == smu.ask("script.anonymous()")
        == ("5.00000e+00")
    )


def test_loading_twice_replaces(smu: Talker) -> None:
    load(smu, "one", "print(1)")
    load(smu, "one", "print(2)", head="loadandrunscript")
    assert smu.raw() == b"2.00000e+00\n"
    assert smu.ask("one()") == "2.00000e+00"


def test_empty_lines_count_in_the_lines_of_errors(smu: Talker) -> None:
    load(smu, "wrong", "", "", "local x = nil", "", "x.y = 1")
    smu.send("wrong()")
    (error,) = smu.box.status.errors
    assert error.code == -286
    assert "line 5: attempt to index local 'x' (a nil value)" in error.text


@pytest.mark.parametrize("name", ["1st", "a-b", "a b", "ä"])
def test_names_are_checked(smu: Talker, name: str) -> None:
    load(smu, name, "print(1)")
    assert smu.codes() == [-282]


def test_script_with_a_syntax_error_is_not_made(smu: Talker) -> None:
    load(smu, "broken", "x = =")
    assert smu.codes() == [-285]
    assert smu.ask("print(broken)") == "nil"


def test_script_object_from_text(smu: Talker) -> None:
    smu.send("s = script.new('print(7)', 'seven')")
    assert smu.ask("seven()") == smu.ask("s.run()") == "7.00000e+00"
    smu.send("s.source = 'print(8)'")
    assert smu.ask("seven()") == "8.00000e+00"
    smu.send("s.nothing = 1", "script.new(5)", "s.source = 5")
    assert smu.codes() == [-286] * 3


def test_saved_script_outlives_the_mains_and_another_does_not(smu: Talker) -> None:
    load(smu, "kept", "print('kept')")
    load(smu, "lost", "print('lost')")
    smu.send("kept.save()")
    smu.faults.power_cycle()
    assert smu.ask("kept()") == "kept"
    assert smu.ask("print(lost)") == "nil"


def test_script_can_run_at_power_on(smu: Talker) -> None:
    load(smu, "start", "started = 5")
    smu.send("start.autorun = 'yes' start.save()")
    smu.faults.power_cycle()
    assert smu.number("started") == 5


def test_delete_and_restore(smu: Talker) -> None:
    load(smu, "kept", "print('kept')")
    smu.send("kept.save() kept.source = 'print(0)'", "script.restore('kept')")
    assert smu.ask("kept()") == "kept"
    smu.send("script.delete('kept')", "script.restore('kept')")
    assert smu.ask("print(kept, script.user.scripts.kept)") == "nil\tnil"


def test_saving_to_a_drive_that_is_not_there(smu: Talker) -> None:
    load(smu, "any", "print(1)")
    smu.send("any.save('/usb1/any.tsp')")
    assert smu.codes() == [2203]


def test_new_autorun_runs_at_once(smu: Talker) -> None:
    assert smu.ask("s = script.newautorun('print(3)', 'three')") == "3.00000e+00"
    assert smu.ask("print(three.autorun)") == "yes"


def test_exit_ends_a_script_without_an_error(smu: Talker) -> None:
    load(smu, "early", "print(1)", "exit()", "print(2)")
    assert smu.ask("early()") == "1.00000e+00"
    assert smu.codes() == []


def test_device_clear_forgets_a_half_loaded_script(smu: Talker) -> None:
    smu.send("loadscript half", "print(1)")
    smu.box.device_clear()
    assert smu.ask("print(2)") == "2.00000e+00"


def test_prompts_and_shown_errors(smu: Talker) -> None:
    assert smu.ask("localnode.prompts = 1") == "TSP>"
    assert smu.ask("smua.source.levelv = 1e3") == "TSP?"
    assert smu.ask("errorqueue.clear() print(1)") == "1.00000e+00\nTSP>"
    assert smu.ask("loadscript s") == ">>>>"
    assert smu.ask("endscript") == "TSP>"
    smu.send("localnode.prompts = 0 localnode.showerrors = 1")
    assert smu.ask("smua.source.levelv = 1e3") == "1101, Parameter too big"
    assert smu.codes() == []


def test_data_queue(smu: Talker) -> None:
    smu.send("dataqueue.add(1) dataqueue.add('two') dataqueue.add({3, x = {4}})")
    assert smu.number("dataqueue.count") == 3
    assert smu.ask("print(dataqueue.next(), dataqueue.next())") == "1.00000e+00\ttwo"
    assert smu.ask("t = dataqueue.next() print(t[1], t.x[1])") == "3.00000e+00\t4.00000e+00"
    assert smu.ask("print(dataqueue.next(0.5))") == "nil"
    smu.send("for k = 1, dataqueue.CAPACITY do dataqueue.add(k) end")
    assert smu.ask("print(dataqueue.add(0, 0.1), dataqueue.count)") == "false\t1.28000e+02"
    smu.send(
        "dataqueue.clear() dataqueue.add(print) dataqueue.add() t = {} t.t = t dataqueue.add(t)"
    )
    assert smu.codes() == [-104, -109, -104]


def test_bit_operations(smu: Talker) -> None:
    assert smu.numbers("bit.bitand(12, 10), bit.bitor(12, 10), bit.bitxor(12, 10)") == [8, 14, 6]
    assert smu.numbers("bit.set(0, 3), bit.clear(7, 1), bit.toggle(5, 1), bit.get(6, 2)") == [
        4, 6, 4, 2,
    ]  # fmt: skip
    assert smu.ask("print(bit.test(4, 3), bit.test(4, 2))") == "true\tfalse"
    assert smu.numbers("bit.getfield(15, 2, 2), bit.setfield(15, 2, 3, 5)") == [6, 11]
    smu.send("bit.set(1, 33)", "bit.bitand(1)", "bit.bitand(-1, 1)")
    assert smu.codes() == [1101, -109, 1102]


def test_time_and_zone(smu: Talker) -> None:
    smu.send("settime(1e9) delay(5)")
    assert smu.number("os.time()") == 1e9 + 5
    smu.send("settimezone('PST8')")
    assert smu.ask("print(gettimezone())") == "PST8"


def test_user_strings_and_event_log(smu: Talker) -> None:
    smu.send("userstring.add('asset', '42')")
    assert smu.ask("print(userstring.get('asset'), userstring.get('no'))") == "42\tnil"
    smu.send("userstring.delete('no')")
    assert smu.codes() == [-292]
    assert smu.ask("print(eventlog.count, eventlog.next(), eventlog.enable)") == (
        "0.00000e+00\tnil\t1.00000e+00"
    )


def test_names_that_a_script_kept_can_be_gone_through(smu: Talker) -> None:
    smu.send("userstring.add('a', '1') userstring.add('b', '2')")
    smu.send("names = {} for name in userstring.catalog() do names[#names + 1] = name end")
    assert smu.ask("print(unpack(names))") == "a\tb"
    smu.send("display.loadmenu.add('go', 'x = 1', display.SAVE) names = display.loadmenu.catalog()")
    assert smu.ask("print(names(), names())") == "go\tnil"
    smu.send("display.loadmenu.delete('go')", "display.loadmenu.delete('go')")
    assert smu.codes() == [-292]


def test_memory_that_a_script_uses_is_told(smu: Talker) -> None:
    free, total = smu.numbers("meminfo()")
    smu.send("kept = string.rep('x', 2^20)")
    less, same = smu.numbers("meminfo()")
    assert total == same
    assert 1000 < free - less < 10_000


def test_local_node(smu: Talker) -> None:
    assert smu.ask("print(localnode.model, localnode.serialno, localnode.revision)") == (
        "2636B\t4012345\t3.2.2"
    )
    smu.send("localnode.linefreq = 60")
    assert smu.ask("print(localnode.linefreq, localnode.autolinefreq)") == "6.00000e+01\tfalse"
    smu.send("localnode.linefreq = 55", "localnode.model = 'x'", "localnode.password = 'secret'")
    assert smu.codes() == [-224, -286]
    assert smu.ask("print(localnode.password)") == "nil"
