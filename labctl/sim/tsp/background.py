"""Overlapped operations of a TSP instrument: what runs while it takes messages.

Source: *Series 2600B Reference Manual* (2600BS-901-01), ``waitcomplete``, ``opc``, ``*OPC``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from labctl.sim.status import OPERATION_COMPLETE, Refused, Status
from labctl.sim.tsp.agenda import Agenda, Task, Work
from labctl.sim.tsp.host import ScriptError

POLL_TIME = 0.1
"""Bench time that passes when a program asks again whether background work has ended, s: it has
waited in between, which a virtual clock does not see."""
NO_END = "the wait has no end"
"""What aborts a script that waits for something that cannot come any more."""


class Background:
    """The tasks of one instrument.

    Parameters
    ----------
    status
        Where the operation-complete bit is.
    refuse
        Called with what a task was refused.
    """

    def __init__(self, agenda: Agenda, status: Status, refuse: Callable[[Refused], None]) -> None:
        self._agenda, self._status, self._refuse = agenda, status, refuse
        self._tasks: list[Task] = []
        self._polls = 0
        self._opc_wanted = False

    @property
    def running(self) -> bool:
        """Whether anything still runs."""
        return bool(self._tasks)

    def start(self, work: Work) -> Task:
        """Have work done from now on."""
        self._polls = 0
        task = Task(self._agenda, work, self._ended, self._refuse)
        self._tasks.append(task)
        return task

    def wait(self) -> None:
        """Wait until nothing runs; a run-time error where that never comes."""
        if self._tasks and not self._agenda.wait(lambda: not self._tasks, inf):
            raise ScriptError(NO_END)

    def notify(self) -> None:
        """Set the operation-complete bit as soon as nothing runs."""
        if self._tasks:
            self._opc_wanted = True
        else:
            self._status.event |= OPERATION_COMPLETE

    def poll(self) -> None:
        """Let bench time pass where a program asks again and again whether work has ended."""
        if self._tasks:
            self._polls += 1
            if self._polls > 1:
                self._agenda.wait(lambda: not self._tasks, POLL_TIME)

    def stop(self) -> None:
        """Break everything off."""
        for task in tuple(self._tasks):
            task.cancel()
        self._opc_wanted = False

    def _ended(self) -> None:
        self._tasks = [task for task in self._tasks if task.running]
        if not self._tasks and self._opc_wanted:
            self._opc_wanted = False
            self._status.event |= OPERATION_COMPLETE
