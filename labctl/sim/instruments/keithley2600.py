"""Simulated Keithley 2600B series: the table of TSP commands in front of the source channels.

Source: *Series 2600B Reference Manual* (2600BS-901-01), TSP command reference.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Faults
from labctl.sim.instruments.smu import CURRENT, OVERFLOW, VOLTAGE, Port, SourceChannel
from labctl.sim.instruments.smu_attributes import measure_attributes, source_attributes
from labctl.sim.instruments.smu_models import MODELS
from labctl.sim.instruments.smu_trigger import Sweep
from labctl.sim.tsp import Attribute, LuaHost, TspBox
from labctl.sim.tsp.buffers import COMPLIANCE_STATUS, Entry, ReadingBuffer
from labctl.sim.tsp.values import arguments, number, one_of, within

_CONSTANTS = {
    "OUTPUT_OFF": 0,
    "OUTPUT_ON": 1,
    "OUTPUT_DCAMPS": 0,
    "OUTPUT_DCVOLTS": 1,
    "OUTPUT_NORMAL": 0,
    "OUTPUT_ZERO": 1,
    "OUTPUT_HIGH_Z": 2,
    "AUTORANGE_OFF": 0,
    "AUTORANGE_ON": 1,
    "AUTORANGE_FOLLOW_LIMIT": 2,
    "AUTOZERO_OFF": 0,
    "AUTOZERO_ONCE": 1,
    "AUTOZERO_AUTO": 2,
    "SENSE_LOCAL": 0,
    "SENSE_REMOTE": 1,
    "SENSE_CALA": 3,
    "DELAY_OFF": 0,
    "DELAY_AUTO": -1,
    "FILTER_OFF": 0,
    "FILTER_ON": 1,
    "FILTER_MOVING_AVG": 0,
    "FILTER_REPEAT_AVG": 1,
    "FILTER_MEDIAN": 2,
    "SETTLE_SMOOTH": 0,
    "SETTLE_FAST_RANGE": 1,
    "SETTLE_FAST_POLARITY": 2,
    "SETTLE_DIRECT_IRANGE": 3,
    "SETTLE_SMOOTH_100NA": 4,
    "SETTLE_FAST_ALL": 128,
    "OE_NONE": 0,
    "OE_OUTPUT_OFF": 1,
    "DISABLE": 0,
    "ENABLE": 1,
}
_KINDS: dict[str, Callable[[float, float], tuple[float, ...]]] = {
    "i": lambda i, v: (i,),
    "v": lambda i, v: (v,),
    "iv": lambda i, v: (i, v),
    "r": lambda i, v: (v / i if i else OVERFLOW,),
    "p": lambda i, v: (v * i,),
}


class Keithley2600(TspBox):
    """One box with one or two channels.

    Parameters
    ----------
    ports
        Where each channel is wired to, by channel name.
    rng
        Noise of the readings.
    ideal
        Without noise, resolution and settling.
    """

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        ports: dict[str, Port],
        rng: np.random.Generator,
        faults: Faults | None = None,
        ideal: bool = False,
    ) -> None:
        data = MODELS[model]
        self.channels = {
            name: SourceChannel(data, ports[name], clock, rng, ideal) for name in data.channels
        }
        self._extras: dict[str, dict[str, Any]] = {name: {} for name in data.channels}
        self._screen: dict[str, Any] = {"screen": 0}
        for name in data.channels:
            self._default_extras(name)
        super().__init__(clock, model, faults)

    def build(self, host: LuaHost) -> None:
        """Add ``smua``, ``smub`` and the objects around them."""
        self._build_around(host)
        for name in self.channels:
            self._build_channel(host, name)
            host.link(f"localnode.smu{name}", f"smu{name}")
        host.node("node")
        host.link("node.1", "localnode")
        host.library(Path(__file__).with_name("factory2600.lua"))

    def reset(self) -> None:
        """Bring all channels to their power-on settings, outputs off."""
        for name in self.channels:
            self._reset_channel(name)

    def group_trigger(self) -> None:
        """Take a bus trigger; no simulated trigger model waits for it."""

    def _reset_channel(self, name: str) -> None:
        self.channels[name].reset()
        self._default_extras(name)

    def _default_extras(self, name: str) -> None:
        self._extras[name].update(
            sense=0, count=1, interval=0.0, filter=0, filter_count=1, filter_type=1, highc=0,
            settling=0, sink=0, off_function=1, off_limit_v=40.0, enable_action=0,
            low_source_v=0.0, low_source_i=0.0, delay_factor=1.0,
        )  # fmt: skip

    # -- objects -------------------------------------------------------------------------------

    def _build_around(self, host: LuaHost) -> None:
        """Add what every box of the series has besides its channels."""
        nothing = {"clear": _nothing, "settext": _nothing, "setcursor": _nothing}
        host.node(
            "display",
            {"SMUA": 0, "SMUB": 1, "SMUA_SMUB": 2, "USER": 3},
            {"screen": self.setting(self._screen, "screen", lambda v: one_of(v, (0, 1, 2, 3)))},
            {**nothing, "sendkey": _nothing, "trigger": _nothing},
        )
        host.node("digio", functions={"readport": lambda *a: 0, "writeport": _nothing})
        host.node("status.measurement")
        host.node("status.measurement.instrument")

    def _build_channel(self, host: LuaHost, name: str) -> None:
        channel, path = self.channels[name], f"smu{name}"

        def extra(key: str, check: Callable[[Any], Any]) -> Attribute:
            return self.setting(self._extras[name], key, check)

        host.node(
            path,
            _CONSTANTS,
            {"sense": extra("sense", lambda v: one_of(v, (0, 1, 3)))},
            {
                "reset": lambda *a: self._reset_channel(name),
                "abort": _nothing,
            },
        )
        host.node(f"{path}.source", attributes=source_attributes(channel, extra))
        host.node(f"{path}.measure", attributes=measure_attributes(channel, extra))
        host.node(
            f"{path}.measure.filter",
            attributes={
                "enable": extra("filter", lambda v: one_of(v, (0, 1))),
                "count": extra("filter_count", lambda v: int(within(v, 1, 100))),
                "type": extra("filter_type", lambda v: one_of(v, (0, 1, 2))),
            },
        )
        for kind in _KINDS:
            for function in (kind, f"overlapped{kind}"):
                host.function(
                    f"{path}.measure.{function}", self._measuring(name, kind), measures=True
                )
        host.function(f"{path}.measureivandstep", self._measure_and_step(name))
        for number_ in (1, 2):
            host.buffer(f"{path}.nvbuffer{number_}", self.buffers.make())
        host.buffer_maker(path)
        host.node(
            f"status.measurement.instrument.{path}",
            attributes={"condition": Attribute(lambda: self._condition(channel))},
        )
        Sweep(self, name).build(host, f"{path}.trigger")

    # -- measuring -----------------------------------------------------------------------------

    def _measuring(self, name: str, kind: str) -> Callable[..., Any]:
        """Return the function behind ``smuX.measure.KIND([buffer[, buffer]])``."""
        channel, extras, pick = self.channels[name], self._extras[name], _KINDS[kind]
        most = len(pick(1.0, 1.0))

        def measure(*given: Any) -> Any:
            if not given and extras["count"] == 1 and not extras["filter"]:
                values = pick(*channel.measure())
                return values if most > 1 else values[0]
            arguments(given, 0, most)
            buffers = [self.buffers.find(item)[0] for item in given if item is not None]
            return self._measure_into(name, kind, buffers)

        return measure

    def _measure_into(self, name: str, kind: str, buffers: Sequence[ReadingBuffer]) -> Any:
        """Take ``measure.count`` readings into buffers; return the last one."""
        channel, extras = self.channels[name], self._extras[name]
        for buffer in buffers:
            buffer.begin()
        values: tuple[float, ...] = ()
        for k in range(extras["count"]):
            began = self.clock.now()
            values = self.reading(name, kind)
            for buffer, value, letter in zip(buffers, values, kind, strict=False):
                buffer.put(self._entry(channel, value, letter))
            if k:
                self.clock.sleep(extras["interval"] - (self.clock.now() - began))
        return values if len(values) > 1 else values[0]

    def reading(self, name: str, kind: str) -> tuple[float, ...]:
        """Take one reading, averaged where the filter is on."""
        channel, extras, pick = self.channels[name], self._extras[name], _KINDS[kind]
        if not extras["filter"]:
            return pick(*channel.measure())
        taken = [pick(*channel.measure()) for _ in range(extras["filter_count"])]
        return tuple(float(np.mean(column)) for column in zip(*taken, strict=True))

    def store(self, name: str, values: Sequence[float], kind: str, buffers: list[Any]) -> None:
        """Append one reading to the buffers of a sweep."""
        for buffer, value, letter in zip(buffers, values, kind, strict=False):
            buffer.put(self._entry(self.channels[name], value, letter))

    def _entry(self, channel: SourceChannel, value: float, letter: str) -> Entry:
        function = channel.function
        quantity = VOLTAGE if letter == "v" else CURRENT
        return Entry(
            reading=value,
            source=channel.levels[function],
            time=self.clock.now(),
            status=COMPLIANCE_STATUS if channel.compliance else 0,
            measure_range=channel.measure_range(quantity),
            source_range=channel.source_range(function),
            function="Voltage" if letter == "v" else "Current",
            source_function="Voltage" if function == VOLTAGE else "Current",
            output=channel.output,
        )

    def _measure_and_step(self, name: str) -> Callable[..., Any]:
        channel = self.channels[name]

        def measure_and_step(*given: Any) -> tuple[float, ...]:
            arguments(given, 1, 1)
            values = channel.measure()
            channel.set_level(channel.function, number(given[0]))
            return values

        return measure_and_step

    @staticmethod
    def _condition(channel: SourceChannel) -> int:
        """Return the condition register: bit 0 voltage limit, bit 1 current limit."""
        if not channel.compliance:
            return 0
        return 2 if channel.function == VOLTAGE else 1


def _nothing(*given: Any) -> None:
    """Accept a command that has no effect on a simulated bench."""
