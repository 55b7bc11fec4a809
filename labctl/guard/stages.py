"""Steps in stages: one thread per instrument, so that one that hangs does not hold up the others.

Imports nothing but the standard library: the guard process has to start fast.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue


@dataclass
class Step:
    """One thing to be done to one instrument.

    Attributes
    ----------
    who
        The instrument; the steps of one instrument are done one after the other.
    what
        What the step does, for people.
    act
        Does it; whatever it raises is the step's fault.
    fault
        What went wrong; None where it went well. Until it is over, that it is not.
    """

    who: str
    what: str
    act: Callable[[], object]
    fault: str | None = "no answer yet"
    over: threading.Event = field(default_factory=threading.Event)

    def do(self) -> None:
        """Do it and note what went wrong."""
        try:
            self.act()
            self.fault = None
        except Exception as error:  # noqa: BLE001 - the next steps must be tried, whatever this is
            told = type(error).__module__ in ("labctl.errors", "labctl.guard.session")
            kind = "" if told else f"{type(error).__name__}: "
            self.fault = f"{kind}{error}" if str(error) else type(error).__name__
        finally:
            self.over.set()


class _Lane:
    """The thread of one instrument, and the steps that wait for it."""

    def __init__(self, who: str) -> None:
        self._steps: SimpleQueue[Step | None] = SimpleQueue()
        self._last: Step | None = None
        # A daemon: an instrument that never answers must not keep the program from ending.
        self._thread = threading.Thread(target=self._work, name=f"labctl-zero-{who}", daemon=True)
        self._thread.start()

    def put(self, step: Step) -> bool:
        """Queue a step; tell whether the thread gets to it at once."""
        free = self._last is None or self._last.over.is_set()
        self._last = step
        self._steps.put(step)
        return free

    def close(self) -> None:
        """End the thread after the last step."""
        self._steps.put(None)

    def join(self, seconds: float) -> None:
        """Wait for the last step."""
        self._thread.join(seconds)

    def _work(self) -> None:
        while (step := self._steps.get()) is not None:
            step.do()


def in_stages(stages: Sequence[Sequence[Step]], patience: float, limit: float) -> list[Step]:
    """Do steps stage by stage and return them all, each with its fault.

    A stage begins when the one before is done; an instrument that takes longer than ``patience``
    is not waited for until it has caught up, and does its own steps in their order all the same.

    Parameters
    ----------
    stages
        The steps of each stage; those of different instruments are done at the same time.
    patience
        s that a stage may hold up the next one.
    limit
        s after which an instrument is given up; its thread may go on.
    """
    lanes: dict[str, _Lane] = {}
    end = time.monotonic() + limit
    for stage in stages:
        awaited = []
        for step in stage:
            if step.who not in lanes:
                lanes[step.who] = _Lane(step.who)
            if lanes[step.who].put(step):
                awaited.append(step)
        until = time.monotonic() + patience
        for step in awaited:
            step.over.wait(max(0.0, until - time.monotonic()))
    for lane in lanes.values():
        lane.close()
    for lane in lanes.values():
        lane.join(max(0.0, end - time.monotonic()))
    steps = [step for stage in stages for step in stage]
    for step in steps:
        if not step.over.is_set():
            step.fault = f"it did not answer within {limit:g} s"
    return steps
