"""pymeasure's driver of the 2400, as it comes with the package, in front of the simulated one.

The judges that need the package index or minutes of time are run by ``python -m tests.judges``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pymeasure.instruments.keithley import Keithley2400

from tests.judges.mutants import all_mutants
from tests.judges.pymeasure_drivers import OHMS, driver_of, properties

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.fixture(scope="module")
def only_2400(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keithley2400]:
    with driver_of(Keithley2400, "2400", tmp_path_factory.mktemp("2400")) as driver:
        yield driver


@pytest.fixture
def k2400(only_2400: Keithley2400) -> Iterator[Keithley2400]:
    only_2400.reset_trigger()
    only_2400.clear()
    only_2400.reset()
    yield only_2400
    assert only_2400.check_errors() == []


@pytest.mark.parametrize("name", properties(Keithley2400))
def test_2400_every_property_can_be_read(k2400: Keithley2400, name: str) -> None:
    k2400.source_enabled = True
    getattr(k2400, name)


def test_2400_measures_all_at_once(k2400: Keithley2400) -> None:
    k2400.source_voltage = 0.5
    k2400.compliance_current = 1e-3
    k2400.source_enabled = True
    measured = k2400.measure_all()
    assert measured["voltage"] == pytest.approx(0.5)
    assert measured["current"] == pytest.approx(0.5 / OHMS)
    assert measured["resistance"] == pytest.approx(OHMS, rel=1e-5)
    assert not measured["status"] & 8


def test_2400_tells_that_it_limits(k2400: Keithley2400) -> None:
    k2400.source_voltage = 0.5
    k2400.compliance_current = 1e-5
    k2400.source_enabled = True
    measured = k2400.measure_all()
    assert measured["status"] & 8
    assert measured["current"] == pytest.approx(1e-5, rel=1e-3)
    assert measured["voltage"] == pytest.approx(1e-5 * OHMS, rel=1e-2)


def test_2400_measuring_a_quantity_resets_its_settings(k2400: Keithley2400) -> None:
    """As on a real box: ``:MEAS:CURR?`` is CONFigure and READ, whatever the program had set."""
    k2400.current_nplc = 0.1
    k2400.source_voltage = 0.5
    assert k2400.current == pytest.approx(0.5 / OHMS, rel=1e-3)
    assert k2400.source_enabled
    assert k2400.current_nplc == 1


@pytest.mark.parametrize("points", [2, 20])
def test_2400_fills_its_buffer(k2400: Keithley2400, points: int) -> None:
    k2400.source_voltage = 0.5
    k2400.compliance_current = 1e-3
    k2400.measure_current(nplc=0.1)
    k2400.source_enabled = True
    k2400.config_buffer(points)
    assert not k2400.is_buffer_full()
    k2400.start_buffer()
    k2400.wait_for_buffer(timeout=5, interval=0)
    data = k2400.buffer_data.reshape(points, -1)
    assert np.allclose(data[:, 1], 0.5 / OHMS, rtol=1e-3)
    assert k2400.mean_current == pytest.approx(0.5 / OHMS, rel=1e-3)
    assert k2400.std_current == pytest.approx(0, abs=1e-9)
    assert k2400.max_current == k2400.maximums[1] >= k2400.min_current
    k2400.reset_buffer()
    k2400.disable_buffer()


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("apply_current", (1e-4, 1.0)),
        ("apply_current", ()),
        ("apply_voltage", (2.0, 1e-3)),
        ("apply_voltage", ()),
        ("measure_current", (0.1, 1e-4, False)),
        ("measure_voltage", (0.1, 2.0, False)),
        ("measure_resistance", (0.1, 2e3, False)),
        ("measure_resistance", ()),
        ("auto_zero_once", ()),
        ("auto_range_source", ()),
        ("ramp_to_voltage", (1.0, 3, 0)),
        ("ramp_to_current", (1e-6, 3, 0)),
        ("trigger_on_bus", ()),
        ("trigger_on_external", (2,)),
        ("trigger_immediately", ()),
        ("sample_continuously", ()),
        ("set_timed_arm", (0.5,)),
        ("set_trigger_counts", (2, 5)),
        ("disable_output_trigger", ()),
        ("output_trigger_on_external", (3, "SENS")),
        ("use_rear_terminals", ()),
        ("use_front_terminals", ()),
        ("beep", (440, 0.1)),
        ("reset_trigger", ()),
        ("clear_trigger", ()),
        ("stop_buffer", ()),
        ("reset_data_format", ()),
    ],
)
def test_2400_methods_leave_no_error(
    k2400: Keithley2400, method: str, arguments: tuple[Any, ...]
) -> None:
    getattr(k2400, method)(*arguments)


def test_2400_bus_trigger_starts_what_was_initiated(k2400: Keithley2400) -> None:
    k2400.source_voltage = 0.5
    k2400.compliance_current = 1e-3
    k2400.source_enabled = True
    k2400.config_buffer(3)
    k2400.trigger_on_bus()
    k2400.start_buffer()  # from here on it takes no question, as a real one
    k2400.trigger()
    k2400.wait_for_buffer(timeout=5, interval=0)
    assert len(k2400.buffer_data) == 3 * 5


def test_2400_shuts_down(k2400: Keithley2400) -> None:
    k2400.source_enabled = True
    k2400.shutdown()
    assert k2400.source_enabled is False
    assert k2400.source_voltage == 0


def test_every_mutant_changes_a_text_that_is_there_once() -> None:
    root = Path(__file__).parents[2]
    names = [mutant.name for mutant in all_mutants()]
    assert len(names) == len(set(names)) >= 45
    for mutant in all_mutants():
        assert (root / mutant.file).read_text(encoding="utf-8").count(mutant.old) == 1, mutant.name
        assert mutant.old != mutant.new
        assert all((root / test).exists() for test in mutant.tests), mutant.tests
