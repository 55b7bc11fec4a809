"""Exact strings on the wire, and what the driver makes of the answers."""

import math
import threading
from contextlib import nullcontext

import pytest
from pymeasure.test import expected_protocol

from drivers._smu2600 import SCRIPT
from drivers.keithley2600 import Keithley2600, abilities, open_instrument
from labctl.errors import InstrumentError
from labctl.instruments import Flag

IDN = ("*IDN?", "Keithley Instruments Inc., Model 2636B, 4012345, 3.2.2")
NO_ERRORS = ("print(errorqueue.count)", "0.000000000e+00")


def loading(channel: str) -> list[tuple[str | None, str | None]]:
    """The exchange that loads the functions of a channel."""
    script = [(line, None) for line in SCRIPT.format(c=channel).splitlines()]
    return [*script, NO_ERRORS, ("print(localnode.linefreq)", "6.000000000e+01")]


@pytest.fixture
def protocol():
    """Open a box that must see exactly ``pairs`` after identity and loading of channel a."""

    def expect(*pairs):
        return expected_protocol(Keithley2600, [IDN, *loading("a"), *pairs])

    return expect


def test_the_line_frequency_is_the_instruments_own(protocol):
    with protocol() as box:
        assert box.channel("a").line_frequency == 60.0


def test_small_values_keep_full_precision(protocol):
    with protocol(
        ("labctl_force_a(2e-09, 1.5e-07)", "false\t0.000000000e+00"),
    ) as box:
        assert box.channel("a").force(2e-9, 1.5e-7) == Flag.OK


PREPARE = (
    "format.asciiprecision = 10 format.byteorder = format.LITTLEENDIAN "
    "smua.source.func = smua.OUTPUT_DCVOLTS smua.source.levelv = 0 "
    "smua.source.leveli = 0 smua.sense = smua.SENSE_LOCAL "
    "smua.source.limitv = 3.0 smua.source.limiti = 0.001 "
    "smua.source.rangev = 3.0 smua.source.limiti = 5e-08 "
    "smua.measure.autorangei = smua.AUTORANGE_OFF smua.measure.rangei = 1e-07 "
    "smua.measure.nplc = 0.1 smua.measure.autozero = smua.AUTOZERO_ONCE "
    "smua.measure.delay = 0 smua.measure.count = 1 "
    "smua.nvbuffer1.clear() smua.nvbuffer1.appendmode = 1 "
    "smua.nvbuffer1.collecttimestamps = 1"
)
SET_UP = "print(smua.source.limiti, smua.measure.nplc, smua.measure.rangei, smua.source.rangev)"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("5.000000000e-08\t1.000000000e-01\t1.000000000e-07\t2.000000000e+01", None),
        (
            "1.000000000e-07\t1.000000000e-01\t1.000000000e-07\t2.000000000e+01",
            r"limiti was set to 5e-08 A .* 1e-07 A",
        ),
        (
            "5.000000000e-08\t1.000000000e+00\t1.000000000e-07\t2.000000000e+01",
            r"nplc was set to 0\.1 line cycles .* 1 line cycles",
        ),
        (
            "5.000000000e-08\t1.000000000e-01\t1.000000000e-08\t2.000000000e+01",
            r"rangei was set to 1e-07 A .* 1e-08 A",
        ),
        (
            "5.000000000e-08\t1.000000000e-01\t1.000000000e-07\t2.000000000e-01",
            r"rangev was set to 3 V .* 0\.2 V",
        ),
    ],
)
def test_what_counts_is_set_and_read_back(protocol, answer, complaint):
    with protocol((PREPARE, None), NO_ERRORS, (SET_UP, answer)) as box:
        channel = box.channel("a")
        channel.set_limits(voltage=3.0, current=1e-3)
        expected = (
            nullcontext() if complaint is None else pytest.raises(InstrumentError, match=complaint)
        )
        with expected:
            channel.prepare(compliance=50e-9, nplc=0.1, current_range=100e-9)


def test_a_measurement_carries_its_flags(protocol):
    with protocol(
        ("labctl_measure_a(0.2, 0.0001)", "false\t0.000000000e+00\t1.234567890e-05"),
        ("labctl_measure_a(0.2, 0.0001)", "true\t0.000000000e+00\t1.000000000e-06"),
        ("labctl_measure_a(0.2, 0.0001)", "false\t0.000000000e+00\t9.910000000e+37"),
    ) as box:
        channel = box.channel("a")
        assert channel.measure(0.2, 1e-4).current == 1.23456789e-5
        assert channel.measure(0.2, 1e-4).flag == Flag.COMPLIANCE
        over = channel.measure(0.2, 1e-4)
        assert over.flag == Flag.OVERFLOW
        assert math.isnan(over.current)


def test_a_queued_error_is_raised_with_the_command_that_caused_it(protocol):
    with (
        protocol(
            ("labctl_pulse_a(300.0, 0.001)", "false\t1.000000000e+00"),
            ("print(errorqueue.count)", "1.000000000e+00"),
            ("print(errorqueue.next())", "1.102000000e+03\tParameter too big\t2.0\t1.0"),
            NO_ERRORS,
        ) as box,
        pytest.raises(InstrumentError, match=r"labctl_pulse_a\(300.*1102: Parameter too big"),
    ):
        box.channel("a").pulse(300.0, 1e-3)


@pytest.mark.parametrize("answer", ["nil", "", "garbage\x00", "1\t0", "false\tx"])
def test_a_senseless_answer_is_an_error_never_data(protocol, answer):
    with (
        protocol(("labctl_force_a(1.0, 0.0)", answer), NO_ERRORS) as box,
        pytest.raises(InstrumentError),
    ):
        box.channel("a").force(1.0)


def test_an_output_that_stays_off_is_an_error(protocol):
    with (
        protocol(
            (
                "smua.source.levelv = 0 smua.source.output = smua.OUTPUT_ON "
                "print(smua.source.output)",
                "0.000000000e+00",
            ),
            ("print(errorqueue.count)", "1.000000000e+00"),
            ("print(errorqueue.next())", "8.020000000e+02\tOutput blocked by interlock\t2.0\t1.0"),
            NO_ERRORS,
        ) as box,
        pytest.raises(InstrumentError, match="interlock"),
    ):
        box.channel("a").output(True)


def test_a_channel_the_model_lacks_is_refused():
    with (
        expected_protocol(
            Keithley2600,
            [("*IDN?", "Keithley Instruments Inc., Model 2635B, 1, 3.2.2")],
            model="2635B",
        ) as box,
        pytest.raises(InstrumentError, match="has no channel 'b'"),
    ):
        box.channel("b")


def test_abilities_are_known_without_asking():
    assert abilities("2636B").channels == ("a", "b")
    assert abilities("2601B").max_voltage < 41
    assert abilities("2400") is None


def test_a_setting_that_the_box_refuses_is_raised_with_its_command(protocol):
    refusal = (
        "print(errorqueue.next())",
        "1.10200e+03\tParameter too big\t2.00000e+01\t1.00000e+00",
    )
    with (
        protocol(
            ("smua.source.limiti = 1.5", None),
            ("print(errorqueue.count)", "1.000000000e+00"),
            refusal,
            NO_ERRORS,
        ) as box,
        pytest.raises(InstrumentError, match=r"refused smua\.source\.limiti = 1\.5: .*1102"),
    ):
        box.channel("a").compliance_current = 1.5


def test_threads_share_a_connection_and_get_their_own_answers(bench_file):
    path = bench_file()
    box = open_instrument("GPIB0::26::INSTR", "2636B", f"{path.resolve()}@labsim")
    try:
        a, b = box.channel("a"), box.channel("b")
        a.compliance_current, b.compliance_current = 2e-9, 5e-3
        a.source_voltage, b.source_voltage = 0.125, 0.25
        wanted = {"a": (2e-9, 0.125), "b": (5e-3, 0.25)}
        wrong = []

        def ask(channel, name):
            for _ in range(200):
                found = channel.compliance_current, channel.source_voltage
                if found != pytest.approx(wanted[name], rel=1e-6):
                    wrong.append((name, found))

        threads = [
            threading.Thread(target=ask, args=each) for each in ((a, "a"), (b, "b"), (a, "a"))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
    finally:
        box.close()
