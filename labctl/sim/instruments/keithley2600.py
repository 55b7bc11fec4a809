"""Simulated Keithley 2600A and B series: the table of TSP commands in front of the channels.

Source: *Series 2600B Reference Manual* (2600BS-901-01), TSP command reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from labctl.clock import VirtualClock
from labctl.sim.box import Box, Faults
from labctl.sim.instruments.fittings import Fittings, Maker
from labctl.sim.instruments.keithley2600_front import FrontPanel
from labctl.sim.instruments.keithley2600_interfaces import Interfaces
from labctl.sim.instruments.smu import CURRENT, VOLTAGE, Port, SourceChannel
from labctl.sim.instruments.smu_attributes import (
    CONSTANTS,
    default_extras,
    filter_attributes,
    measure_attributes,
    rel_attributes,
    source_attributes,
)
from labctl.sim.instruments.smu_measure import KINDS, Measurements
from labctl.sim.instruments.smu_models import MODELS
from labctl.sim.instruments.smu_service import Service
from labctl.sim.instruments.smu_status import SMU_BITS, build_status, flash_overrun, table
from labctl.sim.instruments.smu_trigger import TriggerModel
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute, Budget, LuaHost, TspBox
from labctl.sim.tsp.buffers import Entry, ReadingBuffer
from labctl.sim.tsp.lines import Port as DigitalPort
from labctl.sim.tsp.registers import RegisterTree
from labctl.sim.tsp.values import one_of

RELAY_TIME = 10e-3
"""Bench time of the output relay (off mode HIGH_Z), s; order of magnitude."""
BLOCKED = (802, "OUTPUT blocked by interlock")
NOT_ENABLED = (5041, "Output Enable not asserted")
LOW_CURRENT = ("2634", "2635", "2636")
"""Models that come out of a reset with an automatic measure delay."""
_PLACES = {"arm": 1, "source": 2, "measure": 3, "endpulse": 4}
_HERE = Path(__file__).parent
FACTORY = {
    "KISweep": "factory2600.lua",
    "KIPulse": "factory2600_pulse.lua",
    "KIHighC": "factory2600_highc.lua",
    "KIParlib": "factory2600_parlib.lua",
    "KISavebuffer": "factory2600_save.lua",
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
    peers
        The boxes on TSP-Link, this one too, by node number.
    budget
        What one message may use of the computer.

    Attributes
    ----------
    channels, measurements
        The analogue side, and what is made of it.
    extras
        Settings of each channel that its analogue side does not hold.
    kept
        Readings in nonvolatile memory, by channel and number of the dedicated buffer.
    """

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        ports: Mapping[str, Port],
        rng: np.random.Generator,
        faults: Faults | None = None,
        ideal: bool = False,
        peers: Mapping[int, TspBox] | None = None,
        budget: Budget | None = None,
    ) -> None:
        data = MODELS[model]
        self.linked = bool(data.lines)
        self._ports, self._rng, self._ideal = ports, rng, ideal
        self.extras = {name: default_extras() for name in data.channels}
        self.kept: dict[tuple[str, int], list[Entry]] = {}
        self._nvbuffers: dict[str, list[int]] = {}
        super().__init__(clock, model, faults, budget, peers)

    def assemble(self) -> None:
        """Put the channels, the lines and the registers together."""
        data = MODELS[self.model]
        self.channels: dict[str, SourceChannel] = {}
        self._over_range = False
        for name in data.channels:
            channel = SourceChannel(data, self._ports[name], self.clock, self._rng, self._ideal)
            channel.relay_time, channel.same_range = RELAY_TIME, True
            channel.measure_delay = self._default_delay()
            channel.permit = self._permission(channel, self.extras[name])
            self.channels[name] = channel
        self.measurements = {name: Measurements(self, name) for name in self.channels}
        self.models = {name: TriggerModel(self, name) for name in self.channels}
        self._services = {name: Service(self, name) for name in self.channels}
        self._panel, self._interfaces = FrontPanel(self, self.channels), Interfaces(self)
        self.digital = DigitalPort(
            self.agenda, self.events, data.lines, lambda n: self.trigger_overran("digio", n)
        )
        self.registers = RegisterTree(table(data.channels, data.lines), self._polled)

    def build(self, host: LuaHost) -> None:
        """Add ``smua``, ``smub`` and the objects around them."""
        assert self.registers is not None
        if self.linked:
            host.node("digio")
            self.digital.build(host, "digio")
        self._panel.build(host)
        self._interfaces.build(host)
        build_status(host, self.registers, self.status, self.status_byte)
        host.function("meminfo", lambda *a: host.memory())
        for name in self.channels:
            self._build_channel(host, name)
        for name, file in FACTORY.items():
            host.library(_HERE / file)
            host.factory(name, (_HERE / file).read_text(encoding="utf-8"))

    def reset(self) -> None:
        """Bring all channels to their power-on settings, outputs off."""
        for name in self.channels:
            self._reset_channel(name)
        self.digital.reset()
        self._panel.reset()

    def heed(self) -> bool:
        """Look at the interlock, and whether readings are to overflow."""
        faults = self.faults
        if faults.interlock:
            self._check_interlock()
        if faults.over_range != self._over_range:
            self._over_range = faults.over_range
            for channel in self.channels.values():
                channel.over_range = self._over_range
        return super().heed()

    # -- channels ------------------------------------------------------------------------------

    def _reset_channel(self, name: str) -> None:
        self.models[name].reset()
        channel = self.channels[name]
        channel.reset()
        channel.measure_delay = self._default_delay()
        self.extras[name].update(default_extras())
        self.measurements[name].forget()

    def _default_delay(self) -> float:
        return -1.0 if self.model.startswith(LOW_CURRENT) else 0.0

    def _build_channel(self, host: LuaHost, name: str) -> None:
        channel, extras, path = self.channels[name], self.extras[name], f"smu{name}"

        def extra(key: str, check: Callable[[Any], Any]) -> Attribute:
            return self.setting(extras, key, check)

        host.node(
            path,
            CONSTANTS,
            {"sense": extra("sense", lambda v: one_of(v, (0, 1, 3)))},
            {
                "reset": lambda *a: self._reset_channel(name),
                "abort": lambda *a: self.models[name].stop(),
            },
        )
        host.node(f"{path}.source", attributes=source_attributes(channel, extra, extras))
        host.node(f"{path}.measure", attributes=measure_attributes(channel, extra, extras))
        host.node(f"{path}.measure.filter", attributes=filter_attributes(extra, extras))
        host.node(f"{path}.measure.rel", attributes=rel_attributes(extra, extras))
        measurements = self.measurements[name]
        for kind in KINDS:
            measure = measurements.function(kind)
            host.function(f"{path}.measure.{kind}", measure)
            host.function(f"{path}.measure.overlapped{kind}", measurements.overlapped(kind))
            host.function(f"{path}.measure{kind}andstep", measurements.and_step(kind))
        self._nvbuffers[name] = [self.buffers.make() for _ in (1, 2)]
        for number, identity in enumerate(self._nvbuffers[name], 1):
            host.buffer(f"{path}.nvbuffer{number}", identity)
            self.buffers[identity].entries.extend(self.kept.get((name, number), []))
        host.buffer_maker(path)
        self.models[name].build(host, f"{path}.trigger")
        self._services[name].build(host, path)

    def dedicated(self, name: str) -> list[ReadingBuffer]:
        """Return the dedicated buffers of a channel."""
        return [self.buffers[identity] for identity in self._nvbuffers[name]]

    def set_line_frequency(self, hertz: float) -> None:
        """Integrate in line cycles of another length."""
        for channel in self.channels.values():
            channel.line_frequency = hertz

    # -- interlock -----------------------------------------------------------------------------

    def _permission(self, channel: SourceChannel, extras: dict[str, Any]) -> Callable[[], None]:
        """Return what refuses an output that the open interlock does not allow."""
        top = channel.model.voltage_ranges[-1]

        def permit() -> None:
            if self.faults.interlock != "open":
                return
            if not channel.model.interlocked:
                if extras["enable_action"]:
                    raise Refused(*NOT_ENABLED)
            elif channel.function == VOLTAGE:
                if channel.source_range(VOLTAGE) == top:
                    raise Refused(*BLOCKED)
            elif channel.limits[VOLTAGE] > channel.model.voltage_ranges[-2]:
                raise Refused(*BLOCKED)

        return permit

    def _check_interlock(self) -> None:
        """Switch off what the interlock, opened meanwhile, does not allow."""
        for channel in self.channels.values():
            if channel.output and channel.permit is not None:
                try:
                    channel.permit()
                except Refused as refused:
                    channel.trip()
                    self.refuse(refused)

    # -- status --------------------------------------------------------------------------------

    def update_conditions(self) -> None:
        """Bring limits, buffers and interlock in the condition registers up to date."""
        registers = self.registers
        assert registers is not None
        if self.faults.interlock:
            self._check_interlock()
        open_ = self.faults.interlock == "open"
        interlocked = MODELS[self.model].interlocked
        registers["measurement"].put(11, interlocked and not open_)
        registers["questionable"].put(10, interlocked and open_)
        for name, channel in self.channels.items():
            limited = channel.compliance
            self._put(name, "voltage_limit", 0, limited and channel.function == CURRENT)
            self._put(name, "current_limit", 1, limited and channel.function == VOLTAGE)
            filled = any(buffer.entries for buffer in self.dedicated(name))
            self._put(name, "buffer_available", 8, filled)

    def overflow_bit(self, name: str, on: bool) -> None:
        """Note whether the last reading of a channel was beyond its range."""
        self._put(name, "reading_overflow", 7, on)

    def busy_bit(self, name: str, what: str, on: bool) -> None:
        """Note that a channel sweeps ("SWE") or measures in the background ("MEAS"), or ends."""
        assert self.registers is not None
        path, bit = {"SWE": ("sweeping", 3), "MEAS": ("measuring", 4)}[what]
        self.registers[f"operation.{path}"].put(SMU_BITS[name], on)
        self.registers[f"operation.instrument.smu{name}"].put(bit, on)

    def smu_overran(self, name: str, place: str) -> None:
        """Note that a detector of a trigger model missed an event."""
        assert self.registers is not None
        path = f"operation.instrument.smu{name}.trigger_overrun"
        self.registers[path].flash(_PLACES[place])
        self.registers["operation.trigger_overrun"].flash(SMU_BITS[name])

    def trigger_overran(self, kind: str, number: int) -> None:
        """Note that a trigger object missed an event."""
        if self.registers is not None:
            flash_overrun(self.registers, kind, number)

    def _put(self, name: str, path: str, bit: int, on: bool) -> None:
        assert self.registers is not None
        self.registers[f"measurement.{path}"].put(SMU_BITS[name], on)
        self.registers[f"measurement.instrument.smu{name}"].put(bit, on)

    def _polled(self) -> None:
        self.work.poll()
        self.update_conditions()


def _make(given: Fittings) -> Box:
    model = MODELS[given.model]
    ports = {name: given.port(name, model.reaction) for name in model.channels}
    box = Keithley2600(given.clock, given.model, ports, given.rng, given.faults, given.ideal)
    box.serial = str(int(box.serial) + given.number)
    return box


MAKERS: dict[str, Maker] = dict.fromkeys(MODELS, _make)
