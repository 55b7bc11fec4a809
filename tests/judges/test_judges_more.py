"""pymeasure's drivers of the 2450 and the 2600 series in front of the simulated ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pymeasure.instruments.keithley import Keithley2450, Keithley2600

from labctl import sim
from tests.judges.pymeasure_drivers import OHMS, driver_of, properties

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def only_2450(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keithley2450]:
    with driver_of(Keithley2450, "2450", tmp_path_factory.mktemp("2450")) as driver:
        yield driver


@pytest.fixture
def k2450(only_2450: Keithley2450) -> Iterator[Keithley2450]:
    only_2450.reset()
    yield only_2450
    assert only_2450.check_errors() == []


@pytest.mark.parametrize("name", properties(Keithley2450))
def test_2450_every_property_can_be_read(k2450: Keithley2450, name: str) -> None:
    k2450.enable_source()
    getattr(k2450, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_mode", "current"),
        ("source_mode", "voltage"),
        ("current_range", 1e-3),
        ("current_nplc", 0.1),
        ("compliance_current", 1e-2),
        ("source_current", 1e-4),
        ("source_current_range", 1e-3),
        ("source_current_delay", 0.5),
        ("source_current_delay_auto", False),
        ("source_current_delay_auto", True),
        ("voltage_range", 2),
        ("voltage_nplc", 0.5),
        ("compliance_voltage", 10),
        ("source_voltage", 1.25),
        ("source_voltage_range", 20),
        ("source_voltage_delay", 0.25),
        ("source_voltage_delay_auto", False),
        ("resistance_range", 2e4),
        ("resistance_nplc", 2),
        ("wires", 4),
        ("wires", 2),
        ("buffer_points", 50),
        ("current_filter_type", "MOV"),
        ("current_filter_count", 7),
        ("voltage_filter_type", "REP"),
        ("voltage_filter_count", 3),
        ("current_output_off_state", "HIMP"),
        ("voltage_output_off_state", "ZERO"),
    ],
)
def test_2450_what_the_driver_sets_it_reads_back(
    k2450: Keithley2450, name: str, value: object
) -> None:
    if name == "voltage_range":
        k2450.source_mode = "current"  # what is sourced is measured on the range of the source
    setattr(k2450, name, value)
    assert getattr(k2450, name) == value


def test_2450_measures(k2450: Keithley2450) -> None:
    k2450.apply_voltage(compliance_current=1e-3)
    k2450.source_voltage = 0.5
    k2450.enable_source()
    k2450.measure_current(nplc=0.1)
    assert k2450.current == pytest.approx(0.5 / OHMS, rel=1e-3)
    k2450.measure_voltage()
    assert k2450.voltage == pytest.approx(0.5)
    k2450.measure_resistance()
    assert k2450.resistance == pytest.approx(OHMS, rel=1e-3)
    k2450.apply_current(compliance_voltage=2)
    k2450.source_current = 1e-5
    k2450.enable_source()
    k2450.measure_voltage()
    assert k2450.voltage == pytest.approx(1e-5 * OHMS, rel=1e-3)
    k2450.write(":TRAC:CLE 'defbuffer1'")
    assert k2450.voltage == k2450.means  # in its own language: of one quantity
    k2450.use_rear_terminals()
    k2450.use_front_terminals()
    k2450.beep(440, 0.1)
    k2450.shutdown()
    assert not k2450.source_enabled


def test_2450_fills_the_buffer_of_a_2400_in_that_language(tmp_path: Path) -> None:
    """As the driver's own description asks for: with the command set of the 2400."""
    with driver_of(Keithley2450, "2450", tmp_path) as driver:
        driver.write("*LANG SCPI2400")
        sim.world_of(str(tmp_path / "2450.toml")).faults("box").power_cycle()
        driver.reset()
        driver.source_mode = "voltage"
        driver.source_voltage = 0.5
        driver.write(":SENS:FUNC 'CURR';:SENS:CURR:PROT 1e-3")
        driver.enable_source()
        driver.config_buffer(10)
        driver.write(":TRIG:COUN 10")  # which this driver keeps to itself
        driver.start_buffer()
        driver.wait_for_buffer(timeout=5, interval=0)
        data = driver.buffer_data.reshape(10, -1)
        assert np.allclose(data[:, 1], 0.5 / OHMS, rtol=1e-3)
        assert driver.check_errors() == []


def test_2450_refuses_the_buffer_commands_of_a_2400(k2450: Keithley2450) -> None:
    k2450.write(":TRAC:FEED SENSE")
    assert int(k2450.next_error[0]) == -113


@pytest.mark.parametrize("channel", ["ChA", "ChB"])
@pytest.mark.parametrize("model", ["2602B", "2636B"])
def test_2600_both_channels(tmp_path: Path, model: str, channel: str) -> None:
    with driver_of(Keithley2600, model, tmp_path) as driver:
        half = getattr(driver, channel)
        half.apply_voltage(compliance_current=1e-3)
        half.source_voltage = 0.5
        half.source_output = "ON"
        half.measure_current(nplc=0.1)
        assert half.current == pytest.approx(0.5 / OHMS, rel=1e-3)
        assert half.voltage == pytest.approx(0.5)
        assert half.resistance == pytest.approx(OHMS, rel=1e-3)
        half.apply_current(compliance_voltage=5)
        half.source_current = 1e-5
        half.source_output = "ON"
        half.measure_voltage()
        assert half.voltage == pytest.approx(1e-5 * OHMS, rel=1e-3)
        half.ramp_to_current(2e-5, steps=3, pause=0)
        half.shutdown()
        assert half.source_output == "OFF"
        assert driver.next_error == (0, "Queue Is Empty")
