"""One simulated source meter with a resistor at its terminals, in this process or served."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from labctl import sim
from labctl.sim.serve.bench import ServedBench
from labctl.sim.world import World
from tests.sim.instruments.load import Resistor

ADDRESS = "GPIB0::24::INSTR"
TEXT = """
[bench]
visa = "@labsim"
[chip]
rows = 2
columns = 2
[instruments.meter]
driver = "none"
model = "{model}"
address = "GPIB0::24::INSTR"
[simulation]
preset = "hfox-1t1r"
seed = 3
noise = false
instrument_noise = false
{more}
"""
DRIVERS = {
    "2400": ("keithley2400", "a"),
    "2420": ("keithley2400", "a"),
    "2450": ("keithley2450", "a"),
    "B2901A": ("keysightb2900", "1"),
    "B2912A": ("keysightb2900", "2"),
}


class TimedResistor(Resistor):
    """A resistor that remembers when it saw which level."""

    def __init__(self, ohms: float, world: World) -> None:
        super().__init__(ohms)
        self._clock = world.clock
        self.history: list[tuple[float, float]] = []

    def drive(self, voltage: float, limit: float) -> None:
        self.history.append((self._clock.now(), voltage))
        super().drive(voltage, limit)

    @property
    def voltage(self) -> float:
        """What the source would force without its limit, V."""
        return self.history[-1][1]

    def steps(self) -> list[tuple[float, float]]:
        """Return when the level became what, without what changed nothing."""
        found: list[tuple[float, float]] = []
        for time, voltage in self.history:
            if not found or voltage != found[-1][1]:
                found.append((time, voltage))
        return found

    def time_at(self, voltage: float) -> float:
        """Return how long the level was ``voltage`` (V), s."""
        steps = self.steps()
        times = [
            later - time
            for (time, level), (later, _) in pairwise(steps)
            if abs(level - voltage) < 1e-9
        ]
        return sum(times)


def put_resistor(world: World, model: str, channel: str, ohms: float) -> TimedResistor:
    """Put a resistor at the terminals of the box."""
    box: Any = world.box("meter")
    if model.startswith("B29"):
        smu = box.channels[int(channel)].smu
    else:
        smu = box.smu.channel if model == "2450" else box.analogue.channel
    smu.port = TimedResistor(ohms, world)
    return smu.port


def write_bench(folder: Path, model: str, more: str = "") -> Path:
    path = folder / f"{model}.toml"
    path.write_text(TEXT.format(model=model, more=more), encoding="utf-8")
    return path


class OneBox:
    """The driver of a box, its channel, and what the world behind the wire knows.

    Parameters
    ----------
    address, library
        Where to reach it.
    """

    def __init__(
        self,
        world: World,
        model: str,
        address: str,
        library: str,
        ohms: float = 1e4,
        timeout: float = 5.0,
    ) -> None:
        name, self.channel_name = DRIVERS[model]
        self.world, self.model = world, model
        self.address, self.library = address, library
        self.module = importlib.import_module(f"drivers.{name}")
        self.port = put_resistor(world, model, self.channel_name, ohms)
        self.box = self.module.open_instrument(address, model, library, timeout)
        self.meter = self.box.channel(self.channel_name)

    @property
    def faults(self) -> Any:
        return self.world.faults("meter")

    def ready(
        self, compliance: float = 1e-2, current_range: float = 1e-2, nplc: float = 0.1
    ) -> Any:
        """Prepare the channel and switch it on; return it."""
        self.meter.set_limits(voltage=5.0, current=0.1)
        self.meter.prepare(compliance=compliance, nplc=nplc, current_range=current_range)
        self.meter.output(True)
        self.port.history.clear()
        return self.meter

    @property
    def is_off(self) -> bool:
        """Whether the output is off: asked of the box itself, behind the wire."""
        box: Any = self.world.box("meter")
        if self.model.startswith("B29"):
            return not box.channels[int(self.channel_name)].smu.output
        return not (box.smu.channel if self.model == "2450" else box.analogue.channel).output


@contextmanager
def one_box(folder: Path, model: str, more: str = "", **options: Any):
    """Open a box in this process."""
    path = write_bench(folder, model, more)
    world = sim.world_of(str(path))
    found = OneBox(world, model, ADDRESS, f"{path}@labsim", **options)
    try:
        yield found
    finally:
        found.box.close()
        sim.discard(str(path))


@contextmanager
def served_box(folder: Path, model: str, transport: str, real_time: bool = False, **options: Any):
    """Open a box through TCP, ``transport`` being ``"hislip"`` or ``"socket"``."""
    path = write_bench(folder, model)
    with ServedBench(path, first_port=0, real_time=real_time) as bench:
        address = getattr(bench.addresses[0], transport)
        found = OneBox(bench.world, model, address, "@py", **options)
        try:
            yield found
        finally:
            found.box.close()
