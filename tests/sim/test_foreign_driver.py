"""A driver that is not ours talks to the simulated source meter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.keithley import Keithley2600

from tests.sim.rig import Rig

pytestmark = pytest.mark.filterwarnings("ignore:It is not known whether:FutureWarning")


@pytest.fixture
def driver(rig: Rig) -> Iterator[Keithley2600]:
    adapter = VISAAdapter(
        "GPIB0::26::INSTR", visa_library=f"{rig.path}@labsim", read_termination="\n"
    )
    yield Keithley2600(adapter)
    adapter.close()


def test_identity(driver: Keithley2600) -> None:
    assert "Model 2636B" in driver.id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("source_output", "ON"),
        ("source_mode", "current"),
        ("source_voltage", 1.5),
        ("compliance_current", 0.01),
        ("compliance_voltage", 5.0),
        ("source_voltage_range", 2.0),
        ("voltage_range", 20.0),
        ("current_range", 1e-3),
        ("source_current_range", 1e-2),
        ("wires_mode", "4"),
    ],
)
def test_what_the_driver_sets_it_reads_back(driver: Keithley2600, name: str, value: object) -> None:
    setattr(driver.ChA, name, value)
    assert getattr(driver.ChA, name) == value
    assert driver.next_error == (0, "Queue Is Empty")


def test_methods(driver: Keithley2600) -> None:
    driver.ChB.apply_voltage(compliance_current=0.01)
    driver.ChB.source_voltage = 0.5
    driver.ChB.source_output = "ON"
    driver.ChB.measure_current(nplc=0.1)
    assert driver.ChB.current == 0
    assert driver.ChB.voltage == 0.5
    driver.ChB.source_output = "OFF"
    assert driver.ChB.voltage == 0.0


def test_error_is_reported_by_the_driver(driver: Keithley2600) -> None:
    driver.write("smua.source.limiti = 100")
    assert driver.next_error == (1101, "Parameter too big")
