"""Keithley 2450 in SCPI: exact strings on the wire, and what the answers mean."""

from __future__ import annotations

import math
import struct

import pytest
from pymeasure.test import expected_protocol

from drivers.keithley2450 import Keithley2450, abilities, safe_messages
from labctl.errors import InstrumentError, LimitError
from labctl.instruments import Flag
from tests.drivers.onebox import one_box

IDN = ("*IDN?", "KEITHLEY INSTRUMENTS,MODEL 2450,4412345,1.7.12b")
NO_ERROR = (":SYST:ERR?", '0,"No error;0;0 0"')
OPENING = [IDN, ("*LANG?", "SCPI"), NO_ERROR, (":SYST:LFR?", "50")]
READ = ':READ? "defbuffer1",READ,SOURSTAT'


def done(message, *answers):
    """The exchange of a message after which the box counts no errors."""
    return message + ";:SYST:ERR:COUN?", ";".join([*answers, "0"])


PREPARE = [
    done(":SOUR:VOLT:PROT PROT5;:SOUR:VOLT:PROT?", "PROT5"),
    *(
        done(message)
        for message in (
            ":ABOR",
            ":SOUR:FUNC VOLT",
            ':SENS:FUNC "CURR"',
            ":SOUR:VOLT 0",
            ":SOUR:VOLT:RANG 3.0",
            ":SOUR:VOLT:READ:BACK OFF",
            ":OUTP:VOLT:SMOD NORM",
            ":SENS:CURR:RSEN OFF",
            ":SENS:CURR:UNIT AMP",
            ":SENS:CURR:AVER OFF",
            ":SENS:CURR:REL:STAT OFF",
            ":SENS:COUN 1",
            ":SENS:CURR:RANG:AUTO ON",
            ":SOUR:VOLT:ILIM 5e-08",
            ":SENS:CURR:RANG 5e-08",
            ":SENS:CURR:NPLC 0.1",
            ":SENS:CURR:AZER OFF",
            ":SENS:AZER:ONCE",
            ":FORM ASC;:FORM:ASC:PREC 0;:FORM:BORD SWAP",
        )
    ),
]
READ_BACK = [
    (":SOUR:VOLT:ILIM?", "5E-08"),
    (":SENS:CURR:RANG?", "1E-07"),
    (":SENS:CURR:NPLC?", "0.1"),
    (":SOUR:VOLT:RANG?", "20"),
]


def protocol(*pairs):
    """Open a box that must see exactly ``pairs`` after its channel is asked for."""
    return expected_protocol(Keithley2450, [*OPENING, *pairs])


def prepare(box):
    channel = box.channel("a")
    channel.set_limits(voltage=3.0, current=1e-3)
    # A range above the limit would resolve no more.
    channel.prepare(compliance=50e-9, nplc=0.1, current_range=1e-6)
    return channel


def test_settings_are_read_back_before_any_output():
    with protocol(*PREPARE, *READ_BACK, done(":SOUR:VOLT 0;:OUTP ON;:OUTP?", "1")) as box:
        prepare(box).output(True)


@pytest.mark.parametrize(
    ("place", "answer", "text"),
    [
        (0, "1.05E-04", r"ILIM was set to 5e-08 A and reads back 0.000105 A"),
        (1, "1E-08", r"RANG was set to 5e-08 A and reads back 1e-08 A"),
        (2, "9.9e37", r"NPLC was set to 0.1 line cycles"),
        (2, "NAN", r"NPLC was set to 0.1 line cycles"),
        (3, "2", r"VOLT:RANG was set to 2.857.* V and reads back 2 V"),
    ],
)
def test_what_reads_back_otherwise_is_an_error(place, answer, text):
    wrong = (READ_BACK[place][0], answer)
    with (
        protocol(*PREPARE, *READ_BACK[:place], wrong) as box,
        pytest.raises(InstrumentError, match=text),
    ):
        prepare(box)


def test_a_protection_that_reads_back_otherwise_is_an_error():
    with (
        protocol(done(":SOUR:VOLT:PROT PROT60;:SOUR:VOLT:PROT?", "PROT180")) as box,
        pytest.raises(InstrumentError, match="PROT60 and reads back 'PROT180'"),
    ):
        box.channel("a").set_limits(voltage=41.0, current=1e-3)


def test_readings_carry_the_source_status():
    with protocol(
        done(
            f":SOUR:VOLT:DEL 0.0002;:SOUR:VOLT 2e-09;{READ};:SOUR:VOLT 0;:OUTP?", "2E-09,128", "1"
        ),
        done(f":SOUR:VOLT 0.2;{READ};:SOUR:VOLT 0;:OUTP?", "1E-06,160", "1"),
        done(f":SOUR:VOLT:DEL 0.0;:SOUR:VOLT 0.2;{READ};:SOUR:VOLT 0;:OUTP?", "9.9E+37,128", "1"),
    ) as box:
        channel = box.channel("a")
        assert channel.measure(2e-9, 2e-4).current == 2e-9
        assert channel.measure(0.2, 2e-4).flag == Flag.COMPLIANCE
        over = channel.measure(0.2, 0.0)
        assert over.flag == Flag.OVERFLOW
        assert math.isnan(over.current)


def test_a_reading_with_the_output_off_is_no_reading():
    answers = done(f":SOUR:VOLT:DEL 0.0;:SOUR:VOLT 0.2;{READ};:SOUR:VOLT 0;:OUTP?", "0,0", "0")
    with (
        protocol(answers) as box,
        pytest.raises(InstrumentError, match=r"output .* was off .*interlock"),
    ):
        box.channel("a").measure(0.2, 0.0)


def test_a_level_is_forced_with_its_flag():
    with protocol(
        done(":SOUR:VOLT 1.5;:SOUR:VOLT:ILIM:TRIP?;:OUTP?", "1", "1"),
        done(f":SOUR:VOLT:DEL 0.001;:SOUR:VOLT -1.5;{READ};:OUTP?", "1E-09,128", "1"),
    ) as box:
        channel = box.channel("a")
        assert channel.force(1.5) == Flag.COMPLIANCE
        assert channel.force(-1.5, 1e-3) == Flag.OK


def step(level, delay):
    return (
        f":SENS:CURR:NPLC 0.01;:SOUR:LIST:VOLT {level},0;"
        f':SOUR:SWE:VOLT:LIST 1,{delay},1,OFF,"defbuffer1";:INIT;*OPC?;:SOUR:VOLT 0;:OUTP ON;'
        ':SENS:CURR:NPLC 1.0;:TRAC:DATA? 1,2,"defbuffer1",SOURSTAT,REL'
    )


def test_the_time_of_a_point_is_learnt_from_its_time_stamps():
    with protocol(
        done(":ABOR;:OUTP?", "1"),
        done(step("0", 0), "1", "128,0.0E+00,128,5.0E-04"),
        done(step("2.5", 0.0095), "1", "160,0.0E+00,128,1.0E-02"),
        done(":ABOR;:OUTP?", "1"),
        done(step("1.0", 0.0015), "1", "128,0.0E+00,128,2.0E-03"),
    ) as box:
        channel = box.channel("a")
        assert channel.pulse(2.5, 0.01).flag == Flag.COMPLIANCE
        assert channel.pulse(1.0, 0.002).flag == Flag.OK


def test_a_pulse_shorter_than_a_point_takes_is_refused():
    with (
        protocol(
            done(":ABOR;:OUTP?", "1"),
            done(step("0", 0), "1", "128,0.0E+00,128,1.5E-03"),
        ) as box,
        pytest.raises(LimitError, match=r"needs 0\.0015 s"),
    ):
        box.channel("a").pulse(2.5, 1e-3)


def test_a_sweep_is_a_list_a_block_and_its_status():
    with protocol(
        done(":ABOR;:OUTP?", "1"),
        done(":SOUR:LIST:VOLT 0.1,0.2,0"),
        done(":SOUR:LIST:VOLT:POIN?", "3"),
        done(
            ':SOUR:SWE:VOLT:LIST 1,0.002,1,OFF,"defbuffer1";:INIT;*OPC?;:SOUR:VOLT 0;:OUTP ON', "1"
        ),
        done(":FORM SRE"),
        (
            ':TRAC:DATA? 1,3,"defbuffer1",READ',
            b"#0" + struct.pack("<3f", 1e-6, 9.9e37, 0.0) + b"\n",
        ),
        done(':FORM ASC;:TRAC:DATA? 1,3,"defbuffer1",SOURSTAT', "160,128,128"),
    ) as box:
        currents, flags = box.channel("a").sweep([0.1, 0.2], dwell=2e-3)
        assert currents[0] == pytest.approx(1e-6)
        assert math.isnan(currents[1])
        assert flags.tolist() == [Flag.COMPLIANCE, Flag.OVERFLOW]


def test_an_error_is_raised_with_the_message_that_caused_it():
    with (
        protocol(
            (":SOUR:VOLT 1.0;:SOUR:VOLT:ILIM:TRIP?;:OUTP?;:SYST:ERR:COUN?", "0;1;1"),
            (":SYST:ERR?", '5081,"Limit too small;1;2026/01/01 00:00:00.000"'),
            NO_ERROR,
        ) as box,
        pytest.raises(InstrumentError, match=r"VOLT 1\.0.* error 5081: Limit too small"),
    ):
        box.channel("a").force(1.0)


def test_off_comes_from_any_state():
    message = ":ABOR;:SOUR:VOLT 0;:SOUR:CURR 0;:OUTP OFF;:FORM ASC;:OUTP?"
    with protocol((message, "0"), (message, "1"), NO_ERROR) as box:
        box.channel("a").off()
        with pytest.raises(InstrumentError, match="refused to switch its output off"):
            box.channel("a").off()


@pytest.mark.parametrize("language", ["TSP", "SCPI2400"])
def test_another_command_set_is_told_with_what_to_do(tmp_path, language):
    more = f'language_2450 = "{language}"'
    with pytest.raises(InstrumentError, match=rf"speaks {language}.*\*LANG SCPI.*off and on"):  # noqa: SIM117
        with one_box(tmp_path, "2450", more):
            pass


def test_properties_ask_and_set():
    with expected_protocol(
        Keithley2450,
        [
            IDN,
            (":SOUR:VOLT 2e-09", None),
            NO_ERROR,
            (":SOUR:VOLT?", "2E-09"),
            (":SOUR:VOLT:ILIM 5e-08", None),
            NO_ERROR,
            (":SOUR:VOLT:ILIM?", "5E-08"),
            (":SENS:CURR:RANG?", "1E-07"),
            (":SENS:CURR:NPLC 0.01", None),
            NO_ERROR,
            (":SENS:CURR:AZER 0", None),
            NO_ERROR,
            (":SENS:CURR:AZER?", "0"),
            (":SOUR:VOLT:DEL?", "0.001"),
            (":OUTP?", "1"),
            (":SOUR:VOLT:ILIM:TRIP?", "1"),
            (":SYST:LFR?", "60"),
            (":OUTP 1", None),
            (":SYST:ERR?", '5043,"Interlock open;1;2026/01/01 00:00:00.000"'),
            NO_ERROR,
        ],
    ) as box:
        box.voltage = 2e-9
        assert box.voltage == 2e-9
        box.compliance = 50e-9
        assert box.compliance == 50e-9
        assert box.current_range == 1e-7
        box.nplc = 0.01
        box.autozero = False
        assert box.autozero is False
        assert box.source_delay == 1e-3
        assert box.output_enabled is True
        assert box.in_compliance is True
        assert box.line_frequency == 60.0
        with pytest.raises(ValueError, match="not in range"):
            box.voltage = 211
        with pytest.raises(InstrumentError, match=r"refused :OUTP 1: .*error 5043: Interlock open"):
            box.output_enabled = True


def test_an_emergency_button_is_not_undone_by_a_pulse(tmp_path):
    with one_box(tmp_path, "2450") as rig:
        meter = rig.ready()
        meter.pulse(1.0, 2e-3)
        rig.world.box("meter").smu.set_output(False)
        rig.port.history.clear()
        with pytest.raises(InstrumentError, match="was off"):
            meter.pulse(1.0, 2e-3)
        with pytest.raises(InstrumentError, match="was off"):
            meter.sweep([1.0], 0.0)
        assert rig.port.history == []


def test_abilities_are_known_without_asking():
    assert abilities("2450").channels == ("a",)
    assert abilities("2461") is None
    assert safe_messages("2450").zero["a"][1] == ":SOUR:VOLT 0"
