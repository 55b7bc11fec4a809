"""The trigger model of a 2600 channel (``smuX.trigger``): arm layer, trigger layer, actions.

The model runs in the background: ``initiate()`` returns at once. Each detector (arm, source,
measure, end of pulse) waits for its stimulus, or not at all where the stimulus is 0.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Remote trigger model" and
``smuX.trigger.*``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.instruments.smu_sweep import SweepSource, limit_attributes
from labctl.sim.status import Refused
from labctl.sim.tsp.agenda import Detector, Task, Work
from labctl.sim.tsp.buffers import ReadingBuffer
from labctl.sim.tsp.events import Stimulus
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.values import arguments, flag, one_of, within

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2600 import Keithley2600

STEP_TIME = 2.5e-5
"""Bench time of a source action, s: 12 000 points of a sweep a second at NPLC 0.001."""
IDLE_STEP = 1e-6
"""Bench time of a turn of the trigger layer that does nothing, s."""
MOST_COUNT = 1_048_575
DISABLE, ENABLE, ASYNC = 0, 1, 2
IDLE, HOLD = 0, 1
EVENTS = (
    "SWEEPING_EVENT_ID", "ARMED_EVENT_ID", "SOURCE_COMPLETE_EVENT_ID", "MEASURE_COMPLETE_EVENT_ID",
    "PULSE_COMPLETE_EVENT_ID", "SWEEP_COMPLETE_EVENT_ID", "IDLE_EVENT_ID",
)  # fmt: skip
DETECTORS = ("arm", "source", "measure", "endpulse")
NO_SOURCE = (5059, "trigger.source.action enabled without configuration")
NO_MEASURE = (5060, "trigger.measure.action enabled without configuration")
RUNNING = (-211, "Trigger ignored")


class TriggerModel:
    """The trigger model of one channel."""

    def __init__(self, box: Keithley2600, name: str) -> None:
        self.box, self.name = box, name
        self.channel, self.measurements = box.channels[name], box.measurements[name]
        events = box.events
        self.events = {event: events.new() for event in EVENTS}
        self.detectors = {place: Detector() for place in DETECTORS}
        self.stimuli = {
            place: Stimulus(events, self._noticing(place, detector))
            for place, detector in self.detectors.items()
        }
        self.settings: dict[str, Any] = {}
        self.source = SweepSource(self.channel)
        self._task: Task | None = None
        self._measuring: Task | None = None
        self._kind = ""
        self._buffers: list[ReadingBuffer] = []
        self._defaults()

    def _defaults(self) -> None:
        self.settings.update(count=1, arm=1, source=DISABLE, measure=DISABLE, autoclear=0)
        self.settings.update(end_pulse=HOLD, end_sweep=IDLE)
        self._kind, self._buffers = "", []

    def reset(self) -> None:
        """Stop, and go to the defaults."""
        self.stop()
        self._defaults()
        self.source.reset()
        for place in DETECTORS:
            self.stimuli[place].set(0)
            self.detectors[place].clear()

    def stop(self) -> None:
        """Break a sweep off; the source goes where the end of a sweep takes it."""
        for task in (self._task, self._measuring):
            if task is not None:
                task.cancel()
        self._task = self._measuring = None

    def build(self, host: LuaHost, path: str) -> None:
        """Add the objects at ``path`` (``smua.trigger``)."""
        host.node(
            path,
            self.events,
            {"count": self._number("count"), "autoclear": self._choice("autoclear", flag)},
            {"initiate": self._initiate},
        )
        arm = {"count": self._number("arm")}
        source = {"action": self._choice("source", flag), **limit_attributes(self.source)}
        measure = {"action": self._choice("measure", lambda v: one_of(v, (0, 1, 2)))}
        end_pulse = {"action": self._choice("end_pulse", flag)}
        for place, attributes in zip(DETECTORS, (arm, source, measure, end_pulse), strict=True):
            stimulus = self.stimuli[place]
            host.node(
                f"{path}.{place}",
                attributes={**attributes, "stimulus": Attribute(stimulus.get, stimulus.set)},
                functions={"set": self._setting(place)},
            )
        host.node(f"{path}.endsweep", attributes={"action": self._choice("end_sweep", flag)})
        for letter, quantity in (("v", VOLTAGE), ("i", CURRENT)):
            for shape in ("list", "linear", "log"):
                define = self.source.definer(shape, quantity)
                host.function(f"{path}.source.{shape}{letter}", define)
        for kind in ("i", "v", "iv", "r", "p"):
            host.function(f"{path}.measure.{kind}", self._into(kind))

    def _number(self, key: str) -> Attribute:
        return self.box.setting(self.settings, key, lambda v: int(within(v, 0, MOST_COUNT)))

    def _choice(self, key: str, check: Callable[[Any], int]) -> Attribute:
        return self.box.setting(self.settings, key, check)

    def _noticing(self, place: str, detector: Detector) -> Callable[[], None]:
        def notice() -> None:
            detector.notice()
            if detector.overrun:
                self.box.smu_overran(self.name, place)

        return notice

    def _setting(self, place: str) -> Callable[..., None]:
        def set_detector(*given: Any) -> None:
            arguments(given, 0, 0)
            self.detectors[place].notice()

        return set_detector

    def _into(self, kind: str) -> Callable[..., None]:
        def define(*given: Any) -> None:
            arguments(given, 1, len(kind))
            self._buffers = self.measurements.buffers(given, len(kind))
            self._kind = kind

        return define

    def _initiate(self, *given: Any) -> None:
        arguments(given, 0, 0)
        settings = self.settings
        if self._task is not None and self._task.running:
            raise Refused(*RUNNING)
        if settings["source"] and not self.source.levels:
            raise Refused(*NO_SOURCE)
        if settings["measure"] and not self._kind:
            raise Refused(*NO_MEASURE)
        for buffer in self._buffers if settings["measure"] else ():
            buffer.begin()
        self._task = self.box.work.start(self._run())
        if settings["measure"] == ASYNC:
            self._measuring = self.box.work.start(self._measure_on_its_own())

    # -- running -------------------------------------------------------------------------------

    def _fire(self, event: str) -> None:
        self.box.events.fire(self.events[f"{event}_EVENT_ID"])

    def _await(self, place: str) -> Work:
        if self.stimuli[place].identity:
            yield self.detectors[place]

    def _run(self) -> Work:
        settings, box = self.settings, self.box
        box.busy_bit(self.name, "SWE", True)
        self._fire("SWEEPING")
        try:
            self.source.begin(bool(settings["source"]))
            armed = 0
            while armed < settings["arm"] or not settings["arm"]:
                yield from self._await("arm")
                armed += 1
                if settings["autoclear"]:
                    for place in DETECTORS[1:]:
                        self.detectors[place].clear()
                self._fire("ARMED")
                turn = 0
                while turn < settings["count"] or not settings["count"]:
                    yield from self._turn(turn)
                    turn += 1
                self._fire("SWEEP_COMPLETE")
                if settings["end_sweep"] == IDLE:
                    self.source.idle()
                yield IDLE_STEP
        finally:
            self.source.end(settings["end_sweep"] == IDLE)
            if self._measuring is not None:
                self._measuring.cancel()
            box.busy_bit(self.name, "SWE", False)
            self._fire("IDLE")

    def _turn(self, turn: int) -> Work:
        """Go once through the trigger layer: source, measure, end the pulse."""
        settings, source = self.settings, self.source
        yield from self._await("source")
        if settings["source"]:
            yield STEP_TIME
            source.go(turn)
            if self.channel.source_delay > 0.0:
                yield self.channel.source_delay
        else:
            yield IDLE_STEP
        self._fire("SOURCE_COMPLETE")
        if settings["measure"] != ASYNC:
            yield from self._await("measure")
            if settings["measure"]:
                yield from self._measure()
        yield from self._await("endpulse")
        if settings["end_pulse"] == IDLE:
            source.idle()
        self._fire("PULSE_COMPLETE")

    def _measure(self) -> Work:
        yield from self.measurements.steps(self._kind)
        values = self.measurements.sample(self._kind)
        self.measurements.store(values, self._kind, self._buffers)
        self._fire("MEASURE_COMPLETE")

    def _measure_on_its_own(self) -> Work:
        """Measure at each event of the measure detector, whatever the source does (ASYNC)."""
        while True:
            yield self.detectors["measure"]
            yield from self._measure()
