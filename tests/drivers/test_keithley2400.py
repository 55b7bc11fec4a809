"""Keithley 2400: exact strings on the wire, and what the answers mean."""

from __future__ import annotations

import math
import struct

import pytest
from pymeasure.test import expected_protocol

from drivers.keithley2400 import MODELS, Keithley2400, abilities, safe_messages
from labctl.errors import InstrumentError
from labctl.instruments import Flag
from tests.drivers.onebox import one_box

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C34")
NO_ERROR = (":SYST:ERR?", '0,"No error"')
OPENING = [IDN, NO_ERROR, (":SYST:LFR?", "60")]
COUNT = ";:SYST:ERR:COUN?"


def done(message, *answers):
    """The exchange of a message after which the box counts no errors."""
    return message + COUNT, ";".join([*answers, "0"])


PREPARE = [
    done(message)
    for message in (
        ":ABOR",
        ":SOUR:FUNC VOLT",
        ":SOUR:VOLT:MODE FIX",
        ":SOUR:VOLT 0",
        ":SOUR:VOLT:RANG 3.0",
        ":SOUR:SWE:RANG FIX",
        ":SOUR:SWE:CAB NEV",
        ":SOUR:CLE:AUTO OFF",
        ":OUTP:SMOD NORM",
        ":SYST:RSEN OFF",
        ":SENS:FUNC:CONC OFF",
        ":SENS:FUNC 'CURR'",
        ":SENS:AVER OFF",
        ":SENS:CURR:RANG:AUTO ON",
        ":SENS:CURR:PROT 0.001",
        ":SENS:CURR:RANG 1e-06",
        ":SENS:CURR:NPLC 0.1",
        ":SYST:AZER OFF",
        ":SYST:AZER ONCE",
        ":ARM:COUN 1;:ARM:SOUR IMM",
        ":TRIG:COUN 1;:TRIG:SOUR IMM;:TRIG:DEL 0",
        ":FORM:ELEM CURR,STAT",
        ":FORM ASC;:FORM:BORD SWAP",
    )
]
LIMITS = [done(":SOUR:VOLT:PROT 3.0"), (":SOUR:VOLT:PROT?", "+2.000000E+01")]
READ_BACK = [
    (":SENS:CURR:PROT?", "+1.000000E-03"),
    (":SENS:CURR:RANG?", "+1.050000E-06"),
    (":SENS:CURR:NPLC?", "0.10"),
    (":SOUR:VOLT:RANG?", "+2.100000E+01"),
    (":SENS:CURR:RANG?", "+1.050000E-06"),
    done(":SENS:CURR:RANG 0.001"),
    (":SENS:CURR:RANG?", "+1.050000E-03"),
    (":SENS:CURR:RANG?", "+1.050000E-03"),
]


def protocol(*pairs):
    """Open a box that must see exactly ``pairs`` after its channel is asked for."""
    return expected_protocol(Keithley2400, [*OPENING, *pairs])


def prepared(*pairs):
    """The same after limits and preparation."""
    return protocol(*LIMITS, *PREPARE, *READ_BACK, *pairs)


def prepare(box):
    channel = box.channel("a")
    channel.set_limits(voltage=3.0, current=1e-3)
    channel.prepare(compliance=1e-3, nplc=0.1, current_range=1e-6)
    return channel


def test_settings_are_read_back_before_any_output():
    with prepared(done(":SOUR:VOLT 0;:OUTP ON;:OUTP?", "1")) as box:
        prepare(box).output(True)


def test_a_compliance_that_reads_back_otherwise_is_an_error():
    wrong = (":SENS:CURR:PROT?", "+1.050000E-04")
    with (
        protocol(*LIMITS, *PREPARE, wrong) as box,
        pytest.raises(InstrumentError, match=r"CURR:PROT was set to 0.001 A .* 0.000105 A"),
    ):
        prepare(box)


def test_readings_go_on_their_own_range_and_back():
    read = ":SENS:CURR:RANG 1e-06;:SOUR:VOLT 0.2;:READ?;:SOUR:VOLT 0;:SENS:CURR:RANG 0.001"
    with prepared(
        done(f":SOUR:DEL 0.0003;{read}", "+2.000000E-09,+2.048000E+04"),
        done(read, "+1.050000E-06,+8.601600E+04"),
    ) as box:
        channel = prepare(box)
        assert channel.measure(0.2, settle=2.1e-4).current == 2e-9
        assert channel.measure(0.2, settle=2.1e-4).flag == Flag.RANGE


@pytest.mark.parametrize(
    ("answer", "flag"),
    [
        ("+1.000000E-05,+2.048000E+04", Flag.OK),
        ("+1.000000E-05,+2.048800E+04", Flag.COMPLIANCE),
        ("+1.000000E-05,+8.602400E+04", Flag.COMPLIANCE | Flag.RANGE),
        ("+1.000000E-05,+2.048100E+04", Flag.OVERFLOW),
        ("+9.900000E+37,+2.048100E+04", Flag.OVERFLOW),
        ("-9.900000E+37,+2.048800E+04", Flag.OVERFLOW | Flag.COMPLIANCE),
        ("+9.910000E+37,+2.048000E+04", Flag.OVERFLOW),
    ],
)
def test_the_status_word_flags_a_reading(answer, flag):
    with protocol(done(":SOUR:DEL 0.0000;:SOUR:VOLT 0.5;:READ?;:SOUR:VOLT 0", answer)) as box:
        reading = box.channel("a").measure(0.5, 0.0)
        assert reading.flag == flag
        assert math.isnan(reading.current) == ("E+37" in answer)


def test_a_level_is_sent_in_full_and_its_wait_is_a_source_delay():
    with protocol(
        done(":SOUR:VOLT 2e-09;:SENS:CURR:PROT:TRIP?;:OUTP?", "0", "1"),
        done(":SOUR:DEL 0.0010;:SOUR:VOLT 1.25;:READ?", "+1.000000E-09,+2.048800E+04"),
    ) as box:
        channel = box.channel("a")
        assert channel.force(2e-9) == Flag.OK
        assert channel.force(1.25, 1e-3) == Flag.COMPLIANCE


def test_a_pulse_is_a_list_with_the_shortest_integration():
    with prepared(
        done(
            ":SENS:CURR:NPLC 0.01;:SOUR:DEL 0.0091;:SOUR:LIST:VOLT 2.5,0;:SOUR:VOLT:MODE LIST;"
            ":TRIG:COUN 2;:READ?;:SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:TRIG:COUN 1;"
            ":SENS:CURR:NPLC 0.1",
            "+1.0E-03,+2.048800E+04,+0.0E+00,+2.048000E+04",
        )
    ) as box:
        reading = prepare(box).pulse(2.5, 0.01)
        assert reading.flag == Flag.COMPLIANCE
        assert math.isnan(reading.current)


def test_a_sweep_is_a_list_and_a_block():
    values = (1e-6, 20480.0, 9.9e37, 20481.0, 0.0, 20480.0)
    with protocol(
        done(":SOUR:LIST:VOLT 0.1,2e-09,0"),
        done(":SOUR:LIST:VOLT:POIN?", "3"),
        done(":SOUR:VOLT:MODE LIST;:TRIG:COUN 3;:SOUR:DEL 0.0020;:FORM REAL,32;:OUTP?", "1"),
        (":READ?", b"#0" + struct.pack("<6f", *values) + b"\n"),
        done(":SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:TRIG:COUN 1;:FORM ASC"),
    ) as box:
        currents, flags = box.channel("a").sweep([0.1, 2e-9], dwell=2e-3)
        assert currents[0] == pytest.approx(1e-6)
        assert math.isnan(currents[1])
        assert flags.tolist() == [0, Flag.OVERFLOW]


def test_lists_are_sent_a_hundred_levels_at_a_time():
    def levels(count):
        return ",".join(["0.5"] * count)

    block = b"#0" + struct.pack("<402f", *([1e-6, 20480.0] * 201)) + b"\n"
    with protocol(
        done(f":SOUR:LIST:VOLT {levels(100)}"),
        done(f":SOUR:LIST:VOLT:APP {levels(100)}"),
        done(":SOUR:LIST:VOLT:APP 0"),
        done(":SOUR:LIST:VOLT:POIN?", "201"),
        done(":SOUR:VOLT:MODE LIST;:TRIG:COUN 201;:SOUR:DEL 0.0000;:FORM REAL,32;:OUTP?", "1"),
        (":READ?", block),
        done(":SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:TRIG:COUN 1;:FORM ASC"),
    ) as box:
        assert len(box.channel("a").sweep([0.5] * 200, 0.0)[0]) == 200


def test_an_error_is_raised_with_the_message_that_caused_it():
    message = ":SOUR:DEL 0.0000;:SOUR:VOLT 0.1;:READ?;:SOUR:VOLT 0"
    with (
        protocol(
            (message + COUNT, "2"),
            (":SYST:ERR?", '803,"Not permitted with OUTPUT off"'),
            (":SYST:ERR?", '-222,"Parameter data out of range"'),
            NO_ERROR,
        ) as box,
        pytest.raises(
            InstrumentError, match=r"VOLT 0\.1;:READ\?.* error 803: Not permitted .* error -222"
        ),
    ):
        box.channel("a").measure(0.1, 0.0)


@pytest.mark.parametrize("answer", ["", "nil;0", "1.0E-6;0", "1,2,3;0", "1.0E-6,x;0", "1,2;0;0"])
def test_a_senseless_answer_is_an_error_never_data(answer):
    message = ":SOUR:DEL 0.0000;:SOUR:VOLT 0.1;:READ?;:SOUR:VOLT 0"
    with (
        protocol((message + COUNT, answer), NO_ERROR) as box,
        pytest.raises(InstrumentError, match="its error queue is empty"),
    ):
        box.channel("a").measure(0.1, 0.0)


def test_off_comes_from_any_state():
    message = ":ABOR;:SOUR:VOLT:MODE FIX;:SOUR:VOLT 0;:SOUR:CURR 0;:OUTP OFF;:FORM ASC;:OUTP?"
    with protocol((message, "0"), (message, "1"), NO_ERROR) as box:
        box.channel("a").off()
        with pytest.raises(InstrumentError, match="refused to switch its output off"):
            box.channel("a").off()


def test_properties_ask_and_set():
    with expected_protocol(
        Keithley2400,
        [
            IDN,
            (":SOUR:VOLT 2e-09", None),
            NO_ERROR,
            (":SOUR:VOLT?", "+2.000000E-09"),
            (":SENS:CURR:PROT 5e-08", None),
            NO_ERROR,
            (":SENS:CURR:PROT?", "+5.000000E-08"),
            (":SENS:CURR:RANG 1e-05", None),
            NO_ERROR,
            (":SENS:CURR:NPLC?", "0.10"),
            (":SYST:AZER OFF", None),
            NO_ERROR,
            (":SYST:AZER?", "0"),
            (":OUTP?", "1"),
            (":SENS:CURR:PROT:TRIP?", "1"),
            (":SYST:LFR?", "60"),
            (":SOUR:DEL?", "garbage"),
        ],
    ) as box:
        box.voltage = 2e-9
        assert box.voltage == 2e-9
        box.compliance = 50e-9
        assert box.compliance == 50e-9
        box.current_range = 1e-5
        assert box.nplc == 0.1
        box.autozero = False
        assert box.autozero is False
        assert box.output_enabled is True
        assert box.in_compliance is True
        assert box.line_frequency == 60.0
        with pytest.raises(ValueError, match="not in range"):
            box.compliance = 4.0
        with pytest.raises(InstrumentError, match="where a number was expected"):
            _ = box.source_delay


def test_autozero_of_every_reading_can_be_chosen(tmp_path):
    with one_box(tmp_path, "2400") as rig:
        took = []
        for autozero in (False, True):
            rig.meter.autozero = autozero
            meter = rig.ready(nplc=1.0)
            assert rig.box.autozero is autozero
            began = rig.world.clock.now()
            meter.measure(0.1, 0.0)
            took.append(rig.world.clock.now() - began)
        assert took[1] > 2.5 * took[0]


def test_another_meter_is_not_limited_by_the_range_of_readings(tmp_path):
    with one_box(tmp_path, "2400") as rig:
        meter = rig.ready(compliance=1e-2, current_range=1e-6)
        assert meter.measure(0.005, 1e-3).current == pytest.approx(5e-7, rel=1e-3)
        assert meter.measure(0.5, 1e-3).flag == Flag.RANGE
        assert meter.force(3.0) == Flag.OK
        assert meter.pulse(3.0, 2e-3).flag == Flag.OK
        currents, flags = meter.sweep([1.0, 3.0], 0.0)
        assert currents == pytest.approx([1e-4, 3e-4], rel=1e-3)
        assert not flags.any()


def test_its_own_protection_holds_the_limit(tmp_path):
    with one_box(tmp_path, "2420") as rig:
        for voltage, step in ((5.0, 6.0), (13.0, 18.0)):
            rig.meter.set_limits(voltage=voltage, current=0.1)
            assert rig.box.voltage_protection == step


def test_abilities_are_known_without_asking():
    assert abilities("2410").max_voltage == 1100.0
    assert abilities("2450") is None
    assert set(MODELS) == {"2400", "2401", "2410", "2420"}
    assert safe_messages("2400").off == {"a": (":OUTP OFF",)}
