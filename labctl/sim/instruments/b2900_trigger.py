"""The trigger system of a Keysight B2900: arm and trigger layers of both actions of each channel.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 2, "Controlling Source/Measure
Trigger": the transient action changes the source, the acquire action measures; each counts arms
and triggers that come by themselves (AINT), from a timer, from the bus or from a line.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from labctl.clock import VirtualClock
from labctl.sim.instruments.b2900_channel import Channel
from labctl.sim.instruments.b2900_settings import Record
from labctl.sim.status import Refused

Layer = Literal["ACQ", "TRAN"]
ACQUIRE: Final = "ACQ"
TRANSIENT: Final = "TRAN"
LAYERS: tuple[Layer, ...] = (TRANSIENT, ACQUIRE)
INFINITE_COUNT = 2_147_483_647
MOST_STEPS = 1_000_000
MOST_STEPS_ENDLESS = 1_000
"""Steps done at one go, and of what has no end. That goes on by itself as bench time passes; what
ends is run to its end at once."""
MOST_RECORDS = 100_000
"""Measurements that one channel keeps."""


@dataclass(frozen=True, slots=True)
class At:
    """Go on at a bench time (s), of several at one time in their order."""

    time: float
    order: int = 0


@dataclass(frozen=True, slots=True)
class On:
    """Go on when an event of this name comes."""

    event: str


@dataclass(frozen=True, slots=True)
class Together:
    """Go on when the other action of the channel is as far."""


_READING, _AFTER = 1, 2
"""A reading that ends with its pulse still sees it."""
Wait = At | On | Together


@dataclass(eq=False)
class Action:
    """A layer that runs: what it waits for."""

    number: int
    layer: Layer
    steps: Iterator[Wait]
    event: str = ""
    together: bool = False


class TriggerSystem:
    """Everything that was initiated and has not come to its end.

    Parameters
    ----------
    channels
        By number.
    clock
        Bench time.
    taken
        Called with channel number and record of each measurement.
    """

    def __init__(
        self,
        channels: dict[int, Channel],
        clock: VirtualClock,
        taken: Callable[[int, Record], None],
    ) -> None:
        self.channels, self.clock, self.taken = channels, clock, taken
        self.zero = 0.0
        """Bench time at which the time stamps begin."""
        self.time = 0.0
        """Bench time of what is done at the moment; the clock may be ahead of it."""
        self._actions: list[Action] = []
        self._queue: list[tuple[float, int, int, Action]] = []
        self._serial = 0

    def busy(self, number: int, layer: Layer | None = None) -> bool:
        """Tell whether an action of a channel is not idle."""
        return any(
            action.number == number and layer in (None, action.layer) for action in self._actions
        )

    @property
    def active(self) -> bool:
        """Whether anything is not idle."""
        return bool(self._actions)

    @property
    def runnable(self) -> bool:
        """Whether anything is to be done without an event from outside."""
        return bool(self._queue)

    def waiting(self, number: int, layer: Layer) -> bool:
        """Tell whether an action waits for an event."""
        return any(a.number == number and a.layer == layer and a.event for a in self._actions)

    def initiate(self, numbers: list[int], layers: tuple[Layer, ...]) -> None:
        """Start actions.

        Raises
        ------
        Refused
            -213 where one of them is not idle, -222 or -221 for levels that cannot be.
        """
        if any(self.busy(number, layer) for number in numbers for layer in layers):
            raise Refused(-213, "Init ignored")
        for number in numbers:
            channel = self.channels[number]
            if TRANSIENT in layers:
                for level in channel.levels():
                    channel.check_level(channel.function, level, channel.settings["pulse"])
            if channel.settings["on_auto"]:
                channel.set_output(True)
            if ACQUIRE in layers:
                channel.records = []
        for number in numbers:
            for layer in layers:
                make = self._acquire if layer == ACQUIRE else self._transient
                action = Action(number, layer, make(self.channels[number], number))
                self._actions.append(action)
                self._push(self.clock.now(), action)

    def abort(self, numbers: list[int], layers: tuple[Layer, ...]) -> None:
        """Bring actions back to idle; the source stays as it is, a pulse ends."""
        for action in [a for a in self._actions if a.number in numbers and a.layer in layers]:
            action.steps.close()  # type: ignore[attr-defined]
            self._end(action)

    def event(self, name: str, numbers: list[int] | None = None) -> bool:
        """Let an event come; tell whether anything waited for it."""
        found = False
        for action in self._actions:
            if action.event == name and (numbers is None or action.number in numbers):
                action.event, found = "", True
                self._push(self.clock.now(), action)
        return found

    def run(self) -> None:
        """Go on until all is idle or waits for an event."""
        endless = any(self._endless(action) for action in self._actions)
        for _ in range(MOST_STEPS_ENDLESS if endless else MOST_STEPS):
            if not self._queue or (endless and self._queue[0][0] > self.clock.now()):
                return
            time, _, _, action = heapq.heappop(self._queue)
            if action not in self._actions:
                continue
            self.clock.sleep(time - self.clock.now())
            self.time = time
            self._step(action)

    def _endless(self, action: Action) -> bool:
        settings = self.channels[action.number].settings
        arms, triggers = (settings[f"{stage} {action.layer} count"] for stage in ("ARM", "TRIG"))
        return bool(arms * triggers > MOST_RECORDS)

    def _step(self, action: Action) -> None:
        wait = next(action.steps, None)
        if wait is None:
            self._end(action)
        elif isinstance(wait, At):
            self._push(wait.time, action, wait.order)
        elif isinstance(wait, On):
            action.event = wait.event
        else:
            action.together = True
            self._meet(action.number)

    def _meet(self, number: int) -> None:
        """Let the actions of a channel go on that wait for each other."""
        settings = self.channels[number].settings
        own = [
            action
            for action in self._actions
            if action.number == number and settings[f"TRIG {action.layer} source"] == "AINT"
        ]
        if own and all(action.together or action.event for action in own):
            for action in own:
                if action.together:
                    action.together = False
                    self._push(self.time, action)

    def _end(self, action: Action) -> None:
        self._actions.remove(action)
        self._meet(action.number)
        channel = self.channels[action.number]
        if channel.settings["off_auto"] and not self.busy(action.number):
            channel.set_output(False)

    def _push(self, time: float, action: Action, order: int = 0) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (time, order, self._serial, action))

    # -- actions -------------------------------------------------------------------------------

    def _triggers(self, channel: Channel, layer: Layer) -> Iterator[Wait | int]:
        """Yield what is to be waited for, and the number of each trigger as it comes."""
        settings = channel.settings
        arms, counts = settings[f"ARM {layer} count"], settings[f"TRIG {layer} count"]
        k = arm = 0
        began = self.time
        while arm < arms or arms >= INFINITE_COUNT:
            yield from self._wait(channel, "ARM", layer, began, arm)
            yield At(self.time + settings[f"ARM {layer} delay"])
            first, n = self.time, 0
            while n < counts or counts >= INFINITE_COUNT:
                yield from self._wait(channel, "TRIG", layer, first, n)
                yield k
                k, n = k + 1, n + 1
            arm += 1

    def _wait(
        self, channel: Channel, stage: str, layer: Layer, began: float, n: int
    ) -> Iterator[Wait]:
        settings = channel.settings
        source = settings[f"{stage} {layer} source"]
        if source == "AINT":
            if stage == "TRIG":
                yield Together()
        elif source == "TIM":
            yield At(max(began + n * settings[f"{stage} {layer} timer"], self.time))
        else:
            yield On(source)

    def _transient(self, channel: Channel, number: int) -> Iterator[Wait]:
        settings = channel.settings
        levels = channel.levels()
        pulse, base = settings["pulse"], settings[f"{channel.letter} level"]
        try:
            for item in self._triggers(channel, TRANSIENT):
                if not isinstance(item, int):
                    yield item
                    continue
                begin = self.time + settings["TRIG TRAN delay"]
                yield At(begin)
                if not pulse:
                    channel.drive(levels[item % len(levels)])
                    channel.protect()
                    yield At(begin + self._least(channel))
                    continue
                begin += settings["pulse_delay"]
                yield At(begin)
                channel.drive(levels[item % len(levels)])
                channel.protect()
                yield At(begin + settings["width"], _AFTER)
                channel.drive(base)
                yield At(begin + settings["width"] + self._least(channel))
        finally:
            if pulse:
                channel.drive(base)

    def _acquire(self, channel: Channel, number: int) -> Iterator[Wait]:
        settings = channel.settings
        for item in self._triggers(channel, ACQUIRE):
            if not isinstance(item, int):
                yield item
                continue
            begin = self.time + settings["TRIG ACQ delay"]
            if not settings["pulse"]:
                begin += channel.settling
            yield At(begin + channel.aperture, _READING)
            record = channel.sample(self.time - self.zero)
            if len(channel.records) < MOST_RECORDS:
                channel.records.append(record)
            self.taken(number, record)
            yield At(max(begin, self.time))

    def _least(self, channel: Channel) -> float:
        """Return the shortest time between two triggers, s."""
        return channel.model.interval
