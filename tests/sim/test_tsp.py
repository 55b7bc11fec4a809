from __future__ import annotations

import struct

import pytest

from tests.sim.rig import Rig


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("1e-3", "1.00000e-03"),
        ("1, 'two', nil, true", "1.00000e+00\ttwo\tnil\ttrue"),
        ("-0.000123456789", "-1.23457e-04"),
        ("2 > 1", "true"),
        ("", ""),
        ("smua.OUTPUT_DCVOLTS", "1.00000e+00"),
        ("localnode.model", "2636B"),
        ("1/0", "inf"),
        ("node[1].smua.source.output", "0.00000e+00"),
    ],
)
def test_print_formats(rig: Rig, said: str, shown: str) -> None:
    assert rig.smu.query(f"print({said})") == shown


def test_precision_of_print_is_a_setting(rig: Rig) -> None:
    rig.smu.write("format.asciiprecision = 10")
    assert rig.smu.query("print(1/3)") == "3.333333333e-01"
    rig.smu.write("format.asciiprecision = 17")
    assert rig.error(rig.smu) == (1101, "Parameter too big")
    assert float(rig.smu.query("print(format.asciiprecision)")) == 10


def test_each_print_is_an_answer_of_its_own(rig: Rig) -> None:
    rig.smu.write("print(1) print(2)")
    assert [float(rig.smu.read()), float(rig.smu.read())] == [1, 2]


def test_error_queue_gives_four_values_and_empties(rig: Rig) -> None:
    assert rig.smu.query("print(errorqueue.next())") == (
        "0.00000e+00\tQueue Is Empty\t0.00000e+00\t0.00000e+00"
    )
    rig.smu.write("smua.source.levelv = 1e3")
    rig.smu.write("x = = 1")
    assert float(rig.smu.query("print(errorqueue.count)")) == 2
    assert rig.smu.query("print(errorqueue.next())") == (
        "1.10100e+03\tParameter too big\t2.00000e+01\t1.00000e+00"
    )
    code, text = rig.error(rig.smu)
    assert code == -285
    assert text.startswith("TSP Syntax error at line 1")
    rig.smu.write("x = = 1")
    rig.smu.write("errorqueue.clear()")
    assert float(rig.smu.query("print(errorqueue.count)")) == 0


def test_error_queue_overflows_with_minus_350(rig: Rig) -> None:
    for _ in range(105):
        rig.smu.write("smua.source.levelv = 1e3")
    count = round(float(rig.smu.query("print(errorqueue.count)")))
    codes = [rig.error(rig.smu)[0] for _ in range(count)]
    assert codes == [1101] * (count - 1) + [-350]


def test_refused_value_does_not_abort_the_script_but_a_runtime_error_does(rig: Rig) -> None:
    assert rig.smu.query("smua.source.levelv = 1e3 print('on')") == "on"
    rig.smu.write("smua.source.foo = 1 print('never')")
    assert rig.smu.read_stb() & 16 == 0
    assert [rig.error(rig.smu)[0] for _ in range(2)] == [1101, -286]


@pytest.mark.parametrize(
    ("command", "attribute", "code"),
    [
        ("smua.source.levelv = 203", "smua.source.levelv", 1101),
        ("smua.source.levelv = -203", "smua.source.levelv", 1101),
        ("smua.source.leveli = 2", "smua.source.leveli", 1101),
        ("smua.source.limiti = 2", "smua.source.limiti", 1101),
        ("smua.source.limiti = 0", "smua.source.limiti", 1102),
        ("smua.source.limiti = -1e-3", "smua.source.limiti", 1102),
        ("smua.source.limitv = 1e-3", "smua.source.limitv", 1102),
        ("smua.source.rangev = 300", "smua.source.rangev", 1101),
        ("smua.measure.rangei = 2", "smua.measure.rangei", 1101),
        ("smua.measure.nplc = 26", "smua.measure.nplc", 1101),
        ("smua.measure.nplc = 1e-4", "smua.measure.nplc", 1102),
        ("smua.measure.nplc = '1'", "smua.measure.nplc", -104),
        ("smua.source.levelv = nil", "smua.source.levelv", -104),
        ("smua.source.levelv = {}", "smua.source.levelv", -104),
        ("smua.source.levelv = 0/0", "smua.source.levelv", -104),
        ("smua.source.output = 3", "smua.source.output", -224),
        ("smua.source.func = 'volts'", "smua.source.func", -104),
        ("smua.source.offmode = 3", "smua.source.offmode", -224),
        ("smua.source.compliance = 1", "smua.source.compliance", -286),
        ("smua.OUTPUT_ON = 2", "smua.OUTPUT_ON", -286),
        ("delay(-1)", "smua.source.output", 1102),
        ("delay()", "smua.source.output", -109),
        ("delay(1, 2)", "smua.source.output", -108),
    ],
)
def test_wrong_value_is_refused_and_nothing_changes(
    rig: Rig, command: str, attribute: str, code: int
) -> None:
    before = rig.smu.query(f"print({attribute})")
    rig.smu.write(command)
    assert rig.error(rig.smu)[0] == code
    assert rig.smu.query(f"print({attribute})") == before


def test_level_beyond_a_fixed_range_is_refused(rig: Rig) -> None:
    rig.smu.write("smua.source.rangev = 2")
    assert float(rig.smu.query("print(smua.source.autorangev)")) == 0
    rig.smu.write("smua.source.levelv = 5")
    assert rig.error(rig.smu)[0] == 5005
    rig.smu.write("smua.source.autorangev = 1 smua.source.levelv = 5")
    assert float(rig.smu.query("print(smua.source.rangev)")) == 20


def test_safe_operating_area(rig: Rig) -> None:
    rig.smu.write("smua.source.limiti = 1")
    rig.smu.write("smua.source.levelv = 100")
    assert rig.error(rig.smu)[0] == 5007
    rig.smu.write("smua.source.limiti = 0.1 smua.source.levelv = 100")
    rig.smu.write("smua.source.limiti = 1")
    assert rig.error(rig.smu)[0] == 5007
    assert rig.smu.query("print(smua.source.limiti)") == "1.00000e-01"


def test_attribute_nobody_knows_reads_nil(rig: Rig) -> None:
    assert rig.smu.query("print(smua.source.nothing)") == "nil"


def test_reset_restores_the_settings(rig: Rig) -> None:
    rig.smu.write("smua.source.levelv = 3 smua.source.output = 1 format.asciiprecision = 3")
    rig.smu.write("reset()")
    assert rig.smu.query("print(smua.source.levelv, smua.source.output)") == (
        "0.00000e+00\t0.00000e+00"
    )
    rig.smu.write("smub.source.levelv = 3 smua.source.levelv = 2")
    rig.smu.write("smub.reset()")
    assert rig.smu.query("print(smua.source.levelv, smub.source.levelv)") == (
        "2.00000e+00\t0.00000e+00"
    )


def test_named_script(rig: Rig) -> None:
    for line in ("loadscript adder", "function add(a, b)", "  return a + b", "end", "endscript"):
        rig.smu.write(line)
    assert rig.smu.query("print(add)") == "nil"
    rig.smu.write("adder.run()")
    assert float(rig.smu.query("print(add(2, 3))")) == 5
    rig.smu.write("script.delete('adder')")
    assert rig.smu.query("print(adder)") == "nil"


def test_script_in_one_write_and_anonymous(rig: Rig) -> None:
    rig.smu.write("loadscript\nprint('hello')\nendscript")
    assert rig.smu.query("run()") == "hello"
    rig.smu.write("loadandrunscript\nlocal x = 4\nprint(x)\nendscript")
    assert float(rig.smu.read()) == 4


def test_error_inside_a_script_names_its_line(rig: Rig) -> None:
    rig.smu.write("loadandrunscript\nlocal x\n\nx.y = 1\nendscript")
    code, text = rig.error(rig.smu)
    assert code == -286
    assert text.startswith("TSP Runtime error at line 3: attempt to index local 'x'")


def test_script_new_and_exit(rig: Rig) -> None:
    rig.smu.write("s = script.new('print(1) exit() print(2)', 'early')")
    assert float(rig.smu.query("early()")) == 1
    assert rig.smu.query("print(errorqueue.count)") == "0.00000e+00"


def test_printnumber_and_binary_in_both_byte_orders(rig: Rig) -> None:
    assert rig.smu.query("printnumber(1, 2.5)") == "1.00000e+00, 2.50000e+00"
    rig.smu.read_termination = None
    for data, kind in (("REAL32", "f"), ("REAL64", "d")):
        for order, sign in (("LITTLEENDIAN", "<"), ("BIGENDIAN", ">")):
            rig.smu.write(f"format.data = format.{data} format.byteorder = format.{order}")
            rig.smu.write("printnumber(1, -2.5, 1e-9)")
            block = rig.smu.read_raw()
            expected = struct.pack(f"{sign}3{kind}", 1, -2.5, 1e-9)
            assert block == b"#0" + expected + b"\n"


def test_buffers_collect_what_was_measured(rig: Rig) -> None:
    rig.smu.write("smua.nvbuffer1.clear() smua.nvbuffer1.collectsourcevalues = 1")
    rig.smu.write("smua.source.levelv = 0.5 smua.measure.count = 4 smua.measure.v(smua.nvbuffer1)")
    assert float(rig.smu.query("print(smua.nvbuffer1.n)")) == 4
    assert rig.smu.query("printbuffer(1, 2, smua.nvbuffer1.sourcevalues)") == (
        "5.00000e-01, 5.00000e-01"
    )
    stamps = rig.smu.query("printbuffer(1, 4, smua.nvbuffer1.timestamps)").split(",")
    assert float(stamps[0]) == 0
    assert float(stamps[3]) > 0.06
    rig.smu.write("smua.measure.v(smua.nvbuffer1)")
    assert float(rig.smu.query("print(smua.nvbuffer1.n)")) == 4
    rig.smu.write("smua.nvbuffer1.appendmode = 1")
    assert rig.error(rig.smu)[0] == 0
    rig.smu.write("smua.measure.v(smua.nvbuffer1)")
    assert float(rig.smu.query("print(smua.nvbuffer1.n, smua.nvbuffer1[9])").split("\t")[0]) == 8


def test_printbuffer_beyond_the_end_is_refused(rig: Rig) -> None:
    rig.smu.write("printbuffer(1, 5, smua.nvbuffer1)")
    assert rig.error(rig.smu)[0] == 5038
    rig.smu.write("printbuffer(1, 5, 'smua')")
    assert rig.error(rig.smu)[0] == -104


def test_made_buffers_are_given_back_when_nobody_holds_them(rig: Rig) -> None:
    rig.smu.write("for k = 1, 500 do local b = smua.makebuffer(10) smua.measure.v(b) end")
    assert float(rig.smu.query("print(errorqueue.count)")) == 0


def test_objects_are_walkable(rig: Rig) -> None:
    answer = rig.smu.query(
        "local m = getmetatable(smua.source) "
        "print(m.Getters.levelv, m.Setters.levelv, m.Getters.compliance, m.Setters.compliance, "
        "getmetatable(smua).Objects.source == smua.source)"
    )
    assert answer == "true\ttrue\ttrue\tnil\ttrue"


def test_timer_counts_bench_time(rig: Rig) -> None:
    rig.smu.write("timer.reset() delay(3)")
    assert float(rig.smu.query("print(timer.measure.t())")) == pytest.approx(3.0, abs=0.01)


def test_common_commands(rig: Rig) -> None:
    assert rig.smu.query("*OPC?") == "1"
    assert rig.smu.query("*ESR?") == "128"
    assert rig.smu.query("*ESR?") == "0"
    rig.smu.write("*ESE 32")
    rig.smu.write("*SRE 32")
    assert rig.smu.query("*ESE?") == "32"
    rig.smu.write("*OPC")
    assert rig.smu.query("*ESR?") == "1"
    rig.smu.write("x = =")
    assert int(rig.smu.query("*STB?")) & 4
    rig.smu.write("*CLS")
    assert rig.smu.query("*STB?") == "0"
    rig.smu.write("*ESE 300")
    assert rig.error(rig.smu)[0] == -222
    rig.smu.write("*NO")
    assert rig.error(rig.smu)[0] == -285


def test_random_numbers_are_the_scripts_own_and_repeat(rig: Rig) -> None:
    draw = "math.randomseed(5) print(math.random(100), math.random(), math.random(3, 4))"
    assert rig.smu.query(draw) == rig.smu.query(draw) != rig.smu.query(draw.replace("5", "6", 1))
