"""NOMAD CAMELS: its ophyd devices for the Keysight B2912A and the Agilent 34970A."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from typing import Any

from tests.judges.clients.walk import Walk, load, main

OHMS = 1e4
_SETTINGS: dict[str, tuple[Any, ...]] = {
    "low_terminal": ("Ground", "Floating", "Ground"),
    "current_auto_mode": ("Normal", "Resolution", "Speed"),
    "voltage_auto_mode": ("Normal", "Resolution", "Speed"),
    "current_range": ("1e-3 A", "1e-2 A"),
    "voltage_range": ("2 V", "20 V"),
    "resistance_range": ("2e3 Ohm", "2e5 Ohm"),
    "current_auto_range": (False, True),
    "voltage_auto_range": (False, True),
    "resistance_auto_range": (False, True),
    "current_lower_lim": ("1e-6 A",),
    "voltage_lower_lim": ("2 V",),
    "resistance_upper_lim": ("2e6 Ohm",),
    "resistance_compensation": (True, False),
    "output_protection": (True, False),
    "four_wire_meas": (True, False),
    "NPLC": (0.1, 1),
}


def _device(name: str, library: str) -> Any:
    """Return the device class of one of the client's driver packages."""
    os.environ["PYVISA_LIBRARY"] = library  # this client opens the default VISA library
    found = importlib.util.find_spec("nomad_camels")
    assert found is not None
    # Importing the package itself would start its windows; only its submodules are wanted.
    package = types.ModuleType("nomad_camels")
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules["nomad_camels"] = package
    module = importlib.import_module(f"nomad_camels_driver_{name}.{name}_ophyd")
    return getattr(module, "Keysight_B2912" if "b2912" in name else "Agilent_34970")


def walk_box(walk: Walk, library: str, address: str, model: str) -> None:
    """Walk the device of the model."""
    loaded = load(library, OHMS)
    meter = model != "34970A"
    device = _device("keysight_b2912a" if meter else "agilent_34970", library)
    box = device(name="box", resource_name=address, read_termination="\n", write_termination="\r\n")
    visa = box.visa_instrument

    def queue() -> list[str]:
        found: list[str] = []
        while len(found) < 20:
            answer = visa.query(":SYST:ERR?").strip()
            if answer.lstrip("+").startswith("0,"):
                break
            found.append(answer)
        return found

    visa.write("*RST;*CLS")
    walk.errors = queue
    with walk.step("idn"):
        assert model in str(box.idn.get()), box.idn.get()
    (_walk_b2912 if meter else _walk_34970)(walk, box, loaded)


def _walk_b2912(walk: Walk, box: Any, loaded: bool) -> None:
    for number in (1, 2):
        _channel(walk, box, number, loaded)
    for name in ("turn_on_output", "turn_off_output", "finalize_steps"):
        with walk.step(name):
            getattr(box, name)()
    with walk.step("both outputs are off"):
        assert [box.visa_instrument.query(f":OUTP{k}?").strip() for k in (1, 2)] == ["0", "0"]


def _channel(walk: Walk, box: Any, number: int, loaded: bool) -> None:
    def put(name: str, value: Any) -> None:
        getattr(box, f"{name}{number}").put(value)

    for source in ("Current", "Voltage"):
        with walk.step(f"channel {number}: source {source}"):
            put("source", source)
            got = box.visa_instrument.query(f":SOUR{number}:FUNC:MODE?").strip()
            assert got == source[:4].upper(), got
        for value in (True, False):
            with walk.step(f"channel {number}: source_auto = {value}, {source}"):
                put("source_auto", value)
        with walk.step(f"channel {number}: source_range, {source}"):
            put("source_range", "2 V" if source == "Voltage" else "1e-3 A")
            put("source_auto", True)
        with walk.step(f"channel {number}: range_lower_lim, {source}"):
            put("range_lower_lim", "2 V" if source == "Voltage" else "1e-6 A")
        with walk.step(f"channel {number}: compliance, {source}"):
            kind, limit = ("current", 1e-2) if source == "Voltage" else ("voltage", 5)
            put(f"{kind}_compliance", limit)
            sense = "CURR" if source == "Voltage" else "VOLT"
            told = float(box.visa_instrument.query(f":SENS{number}:{sense}:PROT?"))
            assert abs(told - limit) < 1e-9, told
    for name, values in _SETTINGS.items():
        for value in values:
            with walk.step(f"channel {number}: {name} = {value}"):
                put(name, value)
    with walk.step(f"channel {number}: autoranging on"):
        for name in ("current", "voltage", "resistance"):
            put(f"{name}_auto_range", True)
    with walk.step(f"channel {number}: setV, enable"):
        put("setV", 0.5)
        put("enable", 1)
    walk.equal(f"channel {number}: mesV", getattr(box, f"mesV{number}").get, 0.5, 1e-2)
    if loaded:
        walk.equal(f"channel {number}: mesI", getattr(box, f"mesI{number}").get, 0.5 / OHMS, 1e-2)
    with walk.step(f"channel {number}: off, source a current"):
        put("enable", 0)
        put("source", "Current")
        put("setI", 1e-5)
        put("enable", 1)
        got = getattr(box, f"mesV{number}").get()
        assert not loaded or abs(got - 0.1) < 1e-3, got
        put("enable", 0)


def _walk_34970(walk: Walk, box: Any, loaded: bool) -> None:
    def closed(channel: int) -> bool:
        return bool(int(box.visa_instrument.query(f"ROUT:CLOS? (@{channel})")))

    with walk.step("display"):
        box.display_on.put(False)
        box.display_on.put(True)
    with walk.step("close two channels by text"):
        box.activate_channels.put("111, 112")
        assert closed(111)
        assert closed(112)
    with walk.step("open one by number"):
        box.deactivate_channels.put(112)
        assert not closed(112)
        assert closed(111)
    with walk.step("open a list"):
        box.deactivate_channels.put([111, 112])
        assert not closed(111)
    with walk.step("a channel that is not there", "+"):
        box.activate_channels.put(999)


if __name__ == "__main__":
    main(walk_box)
