"""Keysight B2900: exact strings on the wire, and what the answers mean."""

from __future__ import annotations

import math
import struct

import pytest
from pymeasure.test import expected_protocol

from drivers.keysightb2900 import MODELS, KeysightB2900, abilities, safe_messages
from labctl.errors import InstrumentError
from labctl.instruments import Flag
from tests.drivers.onebox import one_box, put_resistor

IDN = ("*IDN?", "Keysight Technologies,B2912A,MY51140001,3.4.2011.5100")
NO_ERROR = (":SYST:ERR?", '+0,"No error"')
OPENING = [IDN, NO_ERROR, (":SYST:LFR?", "50")]
ACQUIRE = ":INIT:ACQ (@2);*OPC?;:FETC:ARR? (@2)"


def done(message, *answers):
    """The exchange of a message after which the box counts no errors."""
    return message + ";:SYST:ERR:COUN?", ";".join([*answers, "+0"])


PREPARE = [
    done(":SOUR2:VOLT:RANG:AUTO OFF;:SOUR2:VOLT:RANG 3.0"),
    *(
        done(message)
        for message in (
            ":ABOR (@2)",
            ":OUTP2:ON:AUTO OFF;:OUTP2:OFF:AUTO OFF",
            ":SOUR2:FUNC:MODE VOLT;:SOUR2:FUNC:SHAP DC",
            ":SOUR2:VOLT:MODE FIX",
            ":SOUR2:VOLT 0;:SOUR2:VOLT:TRIG 0",
            ":SOUR2:VOLT:RANG:AUTO OFF;:SOUR2:VOLT:RANG 3.0",
            ":SOUR2:SWE:RANG FIX",
            ":SOUR2:WAIT OFF;:SENS2:WAIT OFF",
            ":OUTP2:OFF:MODE NORM;:OUTP2:PROT OFF",
            ":SENS2:REM OFF",
            ':SENS2:FUNC:OFF:ALL;:SENS2:FUNC "CURR"',
            ":SENS2:CURR:PROT 5e-08",
            ":SENS2:CURR:RANG:AUTO OFF;:SENS2:CURR:RANG 5e-08",
            ":SENS2:CURR:NPLC 0.1",
            ":ARM2:COUN 1;:ARM2:SOUR AINT;:ARM2:DEL 0",
            ":TRIG2:COUN 1;:TRIG2:SOUR AINT;:TRIG2:DEL 0",
            ":FORM:ELEM:SENS CURR,STAT",
            ":FORM ASC;:FORM:BORD SWAP",
        )
    ),
]
READ_BACK = [
    (":SENS2:CURR:PROT?", "+5.00000000E-08"),
    (":SENS2:CURR:RANG?", "+1.00000000E-07"),
    (":SENS2:CURR:NPLC?", "+1.00000000E-01"),
    (":SOUR2:VOLT:RANG?", "+2.00000000E+01"),
]


def protocol(*pairs):
    """Open a box that must see exactly ``pairs`` after its channel is asked for."""
    return expected_protocol(KeysightB2900, [*OPENING, *pairs])


def prepare(box):
    channel = box.channel("2")
    channel.set_limits(voltage=3.0, current=1e-3)
    channel.prepare(compliance=50e-9, nplc=0.1, current_range=1e-6)
    return channel


def test_settings_are_read_back_before_any_output():
    with protocol(*PREPARE, *READ_BACK, done(":SOUR2:VOLT 0;:OUTP2 ON;:OUTP2?", "1")) as box:
        prepare(box).output(True)


def test_a_compliance_that_reads_back_otherwise_is_an_error():
    wrong = (":SENS2:CURR:PROT?", "+1.00000000E-04")
    with (
        protocol(*PREPARE, wrong) as box,
        pytest.raises(InstrumentError, match=r"SENS2:CURR:PROT was set to 5e-08 A .* 0.0001 A"),
    ):
        prepare(box)


@pytest.mark.parametrize(
    ("answer", "flag"),
    [
        ("+2.000000E-09,+0.000000E+00", Flag.OK),
        ("+1.000000E-06,+2.000000E+00", Flag.COMPLIANCE),
        ("+9.900000E+37,+8.192000E+03", Flag.OVERFLOW),
        ("+9.910000E+37,+0.000000E+00", Flag.OVERFLOW),
        ("-9.900000E+37,+8.194000E+03", Flag.OVERFLOW | Flag.COMPLIANCE),
    ],
)
def test_a_reading_carries_its_status(answer, flag):
    with protocol(
        done(
            f":TRIG2:ACQ:DEL 0.0002;:SOUR2:VOLT 2e-09;{ACQUIRE};:SOUR2:VOLT 0;:OUTP2?",
            "1",
            answer,
            "1",
        )
    ) as box:
        reading = box.channel("2").measure(2e-9, 2e-4)
        assert reading.flag == flag
        assert math.isnan(reading.current) == ("E+37" in answer)


def test_a_level_is_forced_with_its_flag_and_a_delay_is_sent_once():
    with protocol(
        done(":SOUR2:VOLT 1.5;:SENS2:CURR:PROT:TRIP?;:OUTP2?", "1", "1"),
        done(f":TRIG2:ACQ:DEL 0.001;:SOUR2:VOLT 1.5;{ACQUIRE};:OUTP2?", "1", "1E-9,2", "1"),
        done(f":SOUR2:VOLT -1.5;{ACQUIRE};:OUTP2?", "1", "1E-9,0", "1"),
    ) as box:
        channel = box.channel("2")
        assert channel.force(1.5) == Flag.COMPLIANCE
        assert channel.force(1.5, 1e-3) == Flag.COMPLIANCE
        assert channel.force(-1.5, 1e-3) == Flag.OK


def test_a_pulse_is_the_pulse_of_the_box():
    with protocol(
        *PREPARE,
        *READ_BACK,
        done(
            ":SOUR2:FUNC:SHAP PULS;:SOUR2:PULS:DEL 0;:SOUR2:PULS:WIDT 5e-05;"
            ":SOUR2:VOLT:TRIG 2.5;:SENS2:CURR:APER 1.25e-05;:TRIG2:ACQ:DEL 3.75e-05;"
            ":INIT (@2);*OPC?;:FETC:ARR? (@2);:SOUR2:FUNC:SHAP DC;:SOUR2:VOLT 0;"
            ":SENS2:CURR:NPLC 0.1;:OUTP2?",
            "1",
            "+9.9E+37,+8.194E+03",
            "1",
        ),
    ) as box:
        reading = prepare(box).pulse(2.5, 5e-5)
        assert reading.flag == Flag.COMPLIANCE
        assert math.isnan(reading.current)


def test_a_sweep_is_a_list_and_a_block():
    values = (1e-6, 2.0, math.inf, 8192.0, 0.0, 0.0)
    with protocol(
        done(":SOUR2:LIST:VOLT 0.1,2e-09,0"),
        done(":SOUR2:LIST:VOLT:POIN?", "3"),
        done(
            ":SOUR2:VOLT:MODE LIST;:TRIG2:COUN 3;:TRIG2:ACQ:DEL 0.002;:INIT (@2);*OPC?;"
            ":SOUR2:VOLT:MODE FIX;:SOUR2:VOLT 0;:TRIG2:COUN 1;:FORM REAL,32;:OUTP2?",
            "1",
            "1",
        ),
        (":FETC:ARR? (@2)", b"#224" + struct.pack("<6f", *values) + b"\n"),
        done(":FORM ASC"),
    ) as box:
        currents, flags = box.channel("2").sweep([0.1, 2e-9], dwell=2e-3)
        assert currents[0] == pytest.approx(1e-6)
        assert math.isnan(currents[1])
        assert flags.tolist() == [Flag.COMPLIANCE, Flag.OVERFLOW]


def test_an_error_is_raised_with_the_message_that_caused_it():
    with (
        protocol(
            (":SOUR2:VOLT 1.0;:SENS2:CURR:PROT:TRIP?;:OUTP2?;:SYST:ERR:COUN?", "0;1;+1"),
            (":SYST:ERR?", '-221,"Settings conflict"'),
            NO_ERROR,
        ) as box,
        pytest.raises(InstrumentError, match=r"SOUR2:VOLT 1\.0.* error -221: Settings conflict"),
    ):
        box.channel("2").force(1.0)


def test_off_comes_from_any_state():
    message = (
        ":ABOR (@2);:SOUR2:FUNC:SHAP DC;:SOUR2:VOLT:MODE FIX;:SOUR2:VOLT 0;:SOUR2:CURR 0;"
        ":OUTP2 OFF;:FORM ASC;:OUTP2?"
    )
    with protocol((message, "0"), (message, "1"), NO_ERROR) as box:
        box.channel("2").off()
        with pytest.raises(InstrumentError, match="refused to switch its output off"):
            box.channel("2").off()


def test_each_channel_has_its_properties():
    with expected_protocol(
        KeysightB2900,
        [
            IDN,
            (":SOUR1:VOLT 2e-09", None),
            NO_ERROR,
            (":SOUR2:VOLT?", "+2.00000000E-09"),
            (":SENS2:CURR:PROT 5e-08", None),
            NO_ERROR,
            (":SENS2:CURR:PROT?", "+5.00000000E-08"),
            (":SENS1:CURR:RANG?", "+1.00000000E-07"),
            (":SENS1:CURR:NPLC 0.01", None),
            NO_ERROR,
            (":SOUR2:PULS:WIDT 5e-05", None),
            NO_ERROR,
            (":OUTP2:PROT?", "0"),
            (":OUTP1?", "1"),
            (":SENS1:CURR:PROT:TRIP?", "1"),
            (":SYST:LFR?", "60"),
            (":SENS1:CURR:NPLC?", "x"),
            (":OUTP1 1", None),
            (":SYST:ERR?", '+201,"Interlock open"'),
            NO_ERROR,
        ],
    ) as box:
        one, two = box.outputs["1"], box.outputs["2"]
        one.voltage = 2e-9
        assert two.voltage == 2e-9
        two.compliance = 50e-9
        assert two.compliance == 50e-9
        assert one.current_range == 1e-7
        one.nplc = 0.01
        two.pulse_width = 5e-5
        assert two.off_when_limited is False
        assert one.output_enabled is True
        assert one.in_compliance is True
        assert box.line_frequency == 60.0
        with pytest.raises(ValueError, match="not in range"):
            two.pulse_width = 1e-6
        with pytest.raises(InstrumentError, match="where a number was expected"):
            _ = one.nplc
        with pytest.raises(InstrumentError, match=r"refused :OUTP1 1: .*error 201: Interlock open"):
            one.output_enabled = True


def test_the_shortest_pulse_is_what_the_terminal_sees(tmp_path):
    with one_box(tmp_path, "B2912A") as rig:
        meter = rig.ready(compliance=1e-5, current_range=1e-5)
        assert meter.pulse(1.5, 5e-5).flag == Flag.COMPLIANCE
        assert rig.port.time_at(1.5) == pytest.approx(5e-5, rel=1e-6)
        rig.port.history.clear()
        assert meter.pulse(-0.05, 6e-5).flag == Flag.OK
        assert rig.port.time_at(-0.05) == pytest.approx(6e-5, rel=1e-6)


def test_two_channels_leave_each_other_alone(tmp_path):
    with one_box(tmp_path, "B2912A") as rig:
        two = rig.ready()
        one = rig.box.channel("1")
        other = put_resistor(rig.world, "B2912A", "1", 1e3)
        one.set_limits(voltage=2.0, current=0.1)
        one.prepare(compliance=1e-2, nplc=0.1, current_range=1e-2)
        one.output(True)
        one.force(1.0)
        assert two.measure(0.5, 1e-3).current == pytest.approx(5e-5, rel=1e-3)
        currents, _ = two.sweep([0.1, 0.2], 1e-3)
        assert currents == pytest.approx([1e-5, 2e-5], rel=1e-3)
        two.pulse(2.0, 1e-4)
        assert other.voltage == 1.0
        two.off()
        assert rig.is_off
        assert one.measure(0.4, 0.0).current == pytest.approx(4e-4, rel=1e-3)


def test_abilities_are_known_without_asking():
    assert abilities("B2902A").channels == ("1", "2")
    assert abilities("B2911A").channels == ("1",)
    assert abilities("B2912A").shortest_pulse == 5e-5
    assert abilities("2450") is None
    assert set(safe_messages("B2902A").off) == {"1", "2"}
    assert len(MODELS) == 4
