from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import pyvisa
from pyvisa.constants import StatusCode

from labctl import clock, sim
from tests.sim.rig import Rig


def test_resources_are_the_addresses_of_the_bench_file(rig: Rig) -> None:
    assert rig.manager.list_resources() == (
        "GPIB0::26::INSTR",
        "GPIB0::27::INSTR",
        "GPIB0::16::INSTR",
    )
    assert rig.manager.list_resources("GPIB0::16?*") == ("GPIB0::16::INSTR",)


def test_short_form_of_an_address_finds_the_instrument(rig: Rig) -> None:
    assert "2636B" in rig.open("GPIB::26").query("*IDN?")


def test_address_without_instrument_is_not_found(rig: Rig) -> None:
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.open("GPIB0::5::INSTR")
    assert caught.value.error_code == StatusCode.error_resource_not_found


def test_identities(rig: Rig) -> None:
    assert rig.smu.query("*IDN?").startswith("Keithley Instruments Inc., Model 2636B, ")
    assert rig.gate.query("*idn?").startswith("Keithley Instruments Inc., Model 2635B, ")
    assert rig.matrix.query("*IDN?").startswith("Keithley Instruments Inc., Model 707B, ")


def test_read_without_question_costs_the_timeout_in_bench_time_only(rig: Rig) -> None:
    rig.smu.timeout = 3000
    before = rig.world.clock.now()
    with pytest.raises(pyvisa.VisaIOError) as caught:
        rig.smu.read()
    assert caught.value.error_code == StatusCode.error_timeout
    assert rig.world.clock.now() - before == pytest.approx(3.0)


def test_answer_later_than_the_timeout_is_missed_once_and_then_there(rig: Rig) -> None:
    rig.smu.timeout = 1000
    with pytest.raises(pyvisa.VisaIOError):
        rig.smu.query("delay(5) print(7)")
    assert float(rig.smu.read()) == 7


def test_program_and_bench_share_the_clock(rig: Rig) -> None:
    bench = clock.for_visa(f"{rig.path}@labsim")
    before = bench.now()
    rig.smu.write("delay(2)")
    assert bench.now() - before == pytest.approx(2.0, abs=0.01)


def test_two_benches_are_isolated(make_rig: Callable[..., Rig]) -> None:
    one, two = make_rig(name="one"), make_rig(name="two")
    one.smu.write("x = 5 smua.source.levelv = 1 delay(10)")
    one.matrix.write('channel.close("1A01")')
    assert two.smu.query("print(x, smua.source.levelv)") == "nil\t0.00000e+00"
    assert two.matrix.query('print(channel.getclose("allslots"))') == "nil"
    assert two.world.clock.now() < 1.0 < one.world.clock.now()


def test_device_clear_drops_answers_and_half_messages(rig: Rig) -> None:
    rig.smu.write("print(1)")
    rig.smu.write("loadscript half")
    rig.smu.clear()
    assert rig.smu.query("print(2)") == "2.00000e+00"


def test_serial_poll_shows_an_answer_and_an_error(rig: Rig) -> None:
    assert rig.smu.read_stb() == 0
    rig.smu.write("print(1)")
    assert rig.smu.read_stb() & 16
    rig.smu.read()
    rig.smu.write("nonsense(")
    assert rig.smu.read_stb() == 4


def test_unfinished_message_waits_for_its_end(rig: Rig) -> None:
    rig.smu.send_end = False
    rig.smu.write_raw(b"print(1")
    rig.smu.write_raw(b"23)\n")
    assert float(rig.smu.read()) == 123


def test_endless_message_is_thrown_away_with_an_error(rig: Rig) -> None:
    rig.smu.send_end = False
    for _ in range(3):
        rig.smu.write_raw(b"-" * 600_000)
    rig.smu.send_end = True
    rig.smu.clear()
    assert rig.error(rig.smu)[0] == -363


def test_long_answer_comes_in_the_chunks_asked_for(rig: Rig) -> None:
    rig.smu.chunk_size = 7
    assert rig.smu.query("print(string.rep('a', 100))") == "a" * 100


def test_discarded_bench_starts_afresh(rig: Rig) -> None:
    rig.smu.write("delay(100)")
    sim.discard(rig.path)
    assert rig.world.clock.now() == 0.0


def test_missing_bench_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"nowhere\.toml"):
        pyvisa.ResourceManager(f"{tmp_path / 'nowhere.toml'}@labsim")


def test_wrong_identity_on_demand(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig('[simulation.faults.gate]\nidentity = "2601B"\n')
    assert "Model 2601B," in rig.gate.query("*IDN?")


def test_silent_instrument_on_demand(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("[simulation.faults.gate]\nsilent = true\n")
    with pytest.raises(pyvisa.VisaIOError):
        rig.gate.query("*IDN?")
    assert "2636B" in rig.smu.query("*IDN?")


def test_instrument_that_falls_silent_on_demand(make_rig: Callable[..., Rig]) -> None:
    rig = make_rig("[simulation.faults.smu]\nsilent_after = 2\n")
    assert [float(rig.smu.query(f"print({k})")) for k in (1, 2)] == [1, 2]
    with pytest.raises(pyvisa.VisaIOError):
        rig.smu.query("print(3)")
