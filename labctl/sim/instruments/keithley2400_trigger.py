"""The trigger model of a Keithley 2400: arm layer, trigger layer, and what each waits for.

Source: *2400 Series SourceMeter User's Manual*, section 11 (remote trigger model, figure 11-3).
The bench time of all cycles passes when the event comes that lets them run; while the model waits
for an event (``BUS``, ``MANual``, ``TLINk``, the start of test) it stands still.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from labctl.clock import VirtualClock
from labctl.sim.instruments.keithley2400_settings import INFINITE, Settings
from labctl.sim.scpi import Register
from labctl.sim.status import Refused

CALIBRATING, SWEEPING, IN_TRIGGER, IN_ARM, IDLE = 0, 3, 5, 6, 10
"""Bits of the operation register."""
_LAYERS = 1 << SWEEPING | 1 << IN_TRIGGER | 1 << IN_ARM | 1 << IDLE
AGAIN = "AGAIN"
_BYPASSED = ("TLIN", "NST", "PST", "BST")


class Cycle(Protocol):
    """What the trigger model drives."""

    def start(self) -> None:
        """Leave idle: forget the readings before."""
        ...

    def begin(self) -> None:
        """Get ready for one pass of the arm layer (a whole sweep)."""
        ...

    def step(self, place: int) -> bool:
        """Source, delay and measure point ``place``; return whether to break the sweep off."""
        ...

    def finish(self) -> None:
        """End the pass."""
        ...


class TriggerModel:
    """Counts, delays and event detectors.

    Parameters
    ----------
    settings
        Returns the settings in force.
    operation
        The operation register.

    Attributes
    ----------
    running
        Whether the model is out of idle.
    """

    def __init__(
        self,
        clock: VirtualClock,
        settings: Callable[[], Settings],
        cycle: Cycle,
        operation: Register,
    ) -> None:
        self._clock, self._settings, self._cycle = clock, settings, cycle
        self._operation = operation
        self._flow: Iterator[str] | None = None
        self.running = False  # whether there is a flow: asked for every command
        self._awaited = ""
        self._due = 0.0  # bench time at which the timer lets the next pass begin
        self.completed = False
        """Whether the last initiation came to its end."""
        operation.set(IDLE, True)

    def initiate(self) -> None:
        """Leave idle, and go as far as no event is missing.

        Raises
        ------
        Refused
            -213 where it has left idle already.
        """
        if self.running:
            raise Refused(-213, "Init ignored")
        self.completed = False
        self._operation.set(IDLE, False)
        self._cycle.start()
        self._flow, self.running = self._run(), True
        self._advance()

    def event(self, kind: str) -> None:
        """Take an event: ``BUS``, ``MAN``, ``TLIN``, ``NST``, ``PST``.

        Raises
        ------
        Refused
            -211 where nothing waits for it.
        """
        both = self._awaited == "BST" and kind in ("NST", "PST")
        if not self.running or not (self._awaited == kind or both):
            raise Refused(-211, "Trigger ignored")
        self._advance()

    def continue_endless(self) -> None:
        """Do one more pass where the arm count is infinite and the timer has run down."""
        if self._awaited == AGAIN and self._clock.now() >= self._due:
            self._advance()

    def abort(self) -> None:
        """Go back to idle."""
        if self._flow is not None:
            self._flow, self.running = None, False
            self._cycle.finish()
        self._rest()

    def _advance(self) -> None:
        flow = self._flow
        if flow is None:
            return
        self._awaited = ""
        try:
            self._awaited = next(flow)
            self._operation.set(IN_ARM, self._awaited != AGAIN)
        except StopIteration:
            self._flow, self.running, self.completed = None, False, True
            self._rest()
        except Refused:
            self._flow, self.running = None, False
            self._rest()
            raise

    def _rest(self) -> None:
        self._awaited = ""
        self._operation.assign(_LAYERS, 1 << IDLE)

    def _run(self) -> Iterator[str]:
        settings = self._settings()
        passes = 0
        self._due = self._clock.now()
        while settings.arm_count == INFINITE or passes < settings.arm_count:
            if settings.arm_source == "TIM":
                self._clock.sleep(self._due - self._clock.now())
                self._due = self._clock.now() + settings.arm_timer
            elif settings.arm_source != "IMM":
                bypassed = settings.arm_direction == "SOUR" and settings.arm_source in _BYPASSED
                if passes or not bypassed:
                    yield settings.arm_source
            self._cycle.begin()
            self._operation.set(SWEEPING, True)
            for place in range(settings.trigger_count):
                if settings.trigger_source == "TLIN":
                    yield from self._linked(settings, place)
                self._clock.sleep(settings.trigger_delay)
                if self._cycle.step(place):
                    break
            self._operation.set(SWEEPING, False)
            self._cycle.finish()
            passes += 1
            if settings.arm_count == INFINITE:
                yield AGAIN

    @staticmethod
    def _linked(settings: Settings, place: int) -> Iterator[str]:
        """Wait for the line of the trigger link at each detector that is enabled."""
        for detector in ("SOUR", "DEL", "SENS"):
            bypassed = detector == "SOUR" and settings.trigger_direction == "SOUR" and place == 0
            if detector in settings.trigger_input and not bypassed:
                yield "TLIN"
