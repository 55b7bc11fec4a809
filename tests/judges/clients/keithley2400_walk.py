"""keithley2400: one driver for the 2400 and the 2450, the whole of its public interface."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from keithley2400 import (  # type: ignore[import-not-found]
    Keithley2400,
    find_keithley_resources,
    quick_iv_sweep,
)

from tests.judges.clients.walk import Walk, load, main

OHMS = 1e4


def walk_box(walk: Walk, library: str, address: str, model: str) -> None:
    """Walk the driver."""
    loaded = load(library, OHMS)
    k = Keithley2400(address, backend=library, auto_discover=False)

    def queue() -> list[str]:
        found: list[str] = []
        while len(found) < 20:
            answer = k.get_error()
            if answer.lstrip("+").startswith("0,"):
                break
            found.append(answer)
        return found

    walk.errors = queue
    with walk.step("model found from *IDN?"):
        assert k.model == model, k.model
        assert model in k.idn()
    ohms = OHMS if loaded else None
    _source_voltage(walk, k, ohms)
    _source_current(walk, k, ohms)
    _sweeps(walk, k, ohms)
    k.close()
    walk.errors = list
    if "@labsim" in library:
        with walk.step("find_keithley_resources"):
            found = find_keithley_resources(backend=library, verbose=False)
            assert isinstance(found, list)  # GPIB addresses are not among its candidates
    with walk.step("quick_iv_sweep"), tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.csv"
        written = quick_iv_sweep(
            [0.1, 0.2, 0.3],
            out_csv=str(file),
            resource=address,
            compliance_amps=1e-3,
            stabilize_s=0,
            n_samples=2,
            sample_delay_s=0,
            backend=library,
        )
        assert written, "nothing written"
        rows = file.read_text(encoding="utf-8").splitlines()
        assert len(rows) == 4, rows


def _source_voltage(walk: Walk, k: Any, ohms: float | None) -> None:
    with walk.step("source voltage"):
        k.set_source_v(0.5)
    with walk.step("current compliance"):
        k.set_current_compliance(1e-3)
    with walk.step("measure V and I"):
        k.configure_measure_vi()
    with walk.step("output on"):
        k.output_on()
    walk.equal("read_v", k.read_v, 0.5, 1e-2)
    if ohms:
        walk.equal("read_v_i", k.read_v_i, [0.5, 0.5 / ohms], 1e-2)
        walk.equal("read_i", k.read_i, 0.5 / ohms, 1e-2)
        walk.equal("read_r", k.read_r, ohms, 1e-2)
    with walk.step("fixed current range"):
        k.configure_measure_vi(auto_range=False)
        k.set_current_range(1e-4)
        k.read_v_i()
        k.configure_measure_vi(auto_range=True)
    with walk.step("ramp_to_voltage"):
        volts, _ = k.ramp_to_voltage(
            0.4,
            voltage_steps=[0.1, 0.2, 0.3],
            compliance_amps=1e-3,
            high_voltage_threshold_v=0.3,
            high_compliance_amps=2e-3,
            stabilize_s=0,
            keep_output_on=False,
        )
        assert abs(volts - 0.4) < 4e-3, volts


def _source_current(walk: Walk, k: Any, ohms: float | None) -> None:
    with walk.step("source current"):
        k.set_source_i(1e-5)
        k.set_voltage_compliance(5)
        k.configure_measure_vi()
        k.output_on()
    if ohms:
        walk.equal("voltage of 10 uA", lambda: k.read_v_i()[0], 1e-5 * ohms, 1e-2)
    if k.model == "2400":
        for method in ("2W", "4W"):
            with walk.step(f"ohms {method}"):
                k.configure_measure_ohms(method)
                k.output_on()
                value = k.read_r(mode="ohms")
                assert not ohms or abs(value - ohms) < 0.01 * ohms, value
        with walk.step("ohms source current and voltage"):
            k.write("SYST:RSEN OFF")
            k.write("SENS:RES:MODE MAN")
            k.set_ohms_source_current(1e-5)
            k.set_ohms_source_voltage(0.1)
            k.write("SENS:RES:MODE AUTO")
        with walk.step("back to V and I"):
            k.write("SENS:FUNC:OFF 'RES'")
            k.configure_measure_vi()
    with walk.step("output off"):
        k.output_off()


def _sweeps(walk: Walk, k: Any, ohms: float | None) -> None:
    k.set_source_v(0)
    k.output_on()
    with walk.step("sweep_iv"):
        points = list(k.sweep_iv([0.1, 0.2], 1e-3, 0, 2, 0, None))
        assert [point[0] for point in points] == [0.1, 0.2]
        assert not ohms or abs(points[1][1] - 0.2 / ohms) < 0.01 * 0.2 / ohms, points
    for parameter in ("V", "I", "R"):
        with walk.step(f"sample_stats {parameter}"):
            assert k.sample_stats(parameter, n=3, delay_s=0, i_min_abs_for_r=0)["n"] == 3
    with walk.step("output off after sweeps"):
        k.output_off()


if __name__ == "__main__":
    main(walk_box)
