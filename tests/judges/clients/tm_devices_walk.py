"""tm_devices, the maker's own driver package: its command trees, errors, buffers."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from tm_devices import DeviceManager  # type: ignore[import-not-found]

from tests.judges.clients.walk import Walk, load, main

OHMS = 1e4
_LIST = re.compile(r"Attributes and Functions:\s*```(.*?)```", re.DOTALL)
_FREE = {"smuX": "smua", "[N]": "[1]", "[M]": "[1]", "[Y]": "[1]", "[slot]": "[1]",
         "scriptVar": "script.anonymous"}  # fmt: skip
"""What stands in the package's lists for a number or a channel."""
NOT_SIMULATED = (
    # files, which a script of the sandbox has not got
    "io.", "fs.", "os.remove", "os.rename", "script.load",
    # what has no value to be read: passwords, and the column of a buffer that is empty
    "smua.cal.password", "localnode.password", "bufferVar",
    # a slip of the package's list
    "status.operation.instrument.smua.trigger_overrrun",
    # other parts of a 3706A: multimeter, network, clock, firmware
    "dmm.", "tspnet.", "lan.", "comm.lan.", "ptp.", "schedule.", "upgrade.", "setup.poweron",
    "localnode.emulation", "display.loadmenu",
    # what its cards have not: nil there, too
    "slot[1].commonsideohms", "slot[1].digio", "slot[1].isolated", "slot[1].multiplexer",
    "slot[1].poles.four", "slot[1].poles.one", "slot[1].tempsensor",
)  # fmt: skip
"""How names begin that the boxes do not have."""
_EITHER = re.compile(r"Y(\(|andstep|$)")
"""Names that the package lists once for several letters."""


def walk_box(walk: Walk, library: str, address: str, model: str) -> None:
    """Walk a 2600 or a 3706A."""
    loaded = load(library, OHMS)
    with DeviceManager(verbose=False) as manager:
        manager.visa_library = library
        manager.setup_cleanup_enabled = False
        add = manager.add_ss if model == "3706A" else manager.add_smu
        if address.startswith("TCPIP"):
            device = add(address)
        else:
            device = add(address.split("::")[1], connection_type="GPIB")
        walk.errors = lambda: _errors(device)
        walk.errors()
        walk.equal("model", lambda: device.model.split()[-1], model)
        walk.equal("vendor", lambda: device.manufacturer.split()[0], "Keithley")
        with walk.step("reset"):
            device.reset()
        for name in _names(model):
            with walk.step(name):
                kind = device.query(f"print(type({name}))")
                assert kind != "nil", f"{name} is nil"
        if model == "3706A":
            _matrix(walk, device)
        else:
            _meter(walk, device, loaded)
            _scripts(walk, device)


def _errors(device: Any) -> list[str]:
    found = []
    while not (entry := device.query("print(errorqueue.next())")).startswith("0.0"):
        found.append(entry)
    return found


def _names(model: str) -> Iterator[str]:
    """Yield the commands that the package knows of a model, as a script writes them."""
    kind = "ss" if model == "3706A" else "smu"
    top = importlib.import_module(f"tm_devices.commands.{kind}{model.lower()}_commands")
    modules = {item.__module__ for item in vars(top).values() if isinstance(item, type)}
    for module in sorted(modules):
        found = _LIST.search(importlib.import_module(module).__doc__ or "")
        for line in found.group(1).split("\n") if found else ():
            name = line.strip().removeprefix("- ")
            for free, own in _FREE.items():
                name = name.replace(free, own)
            if name and not name.startswith(NOT_SIMULATED) and not _EITHER.search(name):
                yield name.removesuffix("()")


def _meter(walk: Walk, device: Any, loaded: bool) -> None:
    smu = device.commands.smu["a"]
    for path, value in (
        ("source.levelv", 0.25), ("source.limiti", 1e-3), ("source.rangev", 2.0),
        ("source.func", 1), ("source.offmode", 1), ("source.delay", 0.001),
        ("measure.nplc", 0.1), ("measure.count", 3), ("measure.rangei", 1e-4),
        ("measure.filter.count", 2), ("trigger.count", 5), ("trigger.arm.count", 2),
        ("sense", 1), ("sense", 0),
    ):  # fmt: skip
        if path == "measure.filter.count":
            smu.measure.count = 1
        *parents, name = path.split(".")
        node = smu
        for parent in parents:
            node = getattr(node, parent)
        with walk.step(f"{path} = {value}"):
            setattr(node, name, value)
            got = float(getattr(node, name))
            assert got == value or path.endswith("rangev"), got
    with walk.step("a level too high is refused", "1.10100e+03"):
        smu.source.levelv = 1e4
    device.commands.reset()
    if not loaded:
        return
    with walk.step("measures"):
        smu.source.levelv = 1
        smu.source.output = 1
        current = float(smu.measure.i())
        assert abs(current - 1e-4) < 1e-6, current
    with walk.step("buffer"):
        smu.measure.count = 10
        device.write("smua.measure.i(smua.nvbuffer1)")
        readings = device.get_buffers("smua.nvbuffer1")["smua.nvbuffer1"]
        assert len(readings) == 10, readings
        assert all(abs(float(reading) - 1e-4) < 1e-6 for reading in readings), readings
        smu.source.output = 0


def _scripts(walk: Walk, device: Any) -> None:
    with walk.step("script"):
        device.load_script("judged", script_body="function double(x) print(2 * x) end")
        device.run_script("judged")
        assert float(device.query("double(21)")) == 42.0
    with walk.step("status"):
        device.write("*CLS")
        assert device.expect_esr(0)
        assert device.query("*OPC?") == "1"


def _matrix(walk: Walk, device: Any) -> None:
    channel = device.commands.channel
    with walk.step("close and open"):
        channel.close("1101,1102")
        assert channel.getclose("allslots") == "1101;1102"
        channel.open("1101")
        assert channel.getstate("1101,1102") == "0,1"
    with walk.step("exclusive"):
        channel.exclusiveclose("2203")
        assert channel.getclose("allslots") == "2203"
    with walk.step("pattern"):
        channel.pattern.setimage("1101,1102", "both")
        channel.close("both")
        assert channel.getclose("slot1") == "1101;1102"
    with walk.step("scan"):
        scan = device.commands.scan
        scan.create("'1101:1104'")  # the package sends it without quotes of its own
        assert float(scan.stepcount) == 4
        scan.execute()
        state = device.query("print(scan.state(), channel.getclose('slot1'))")
        assert state.endswith("\t1104"), state
    with walk.step("no such channel", "1.11500e+03"):
        channel.close("1999")
    with walk.step("everything open"):
        channel.open("allslots")
        assert channel.getclose("allslots") == "nil"


if __name__ == "__main__":
    main(walk_box)
