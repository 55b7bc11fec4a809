"""Ctrl-C, SIGTERM and a closed terminal turned into an abort that cannot skip the way to zero."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last two: closed terminal
    if hasattr(signal, name)
)


class Guard:
    """What the signals of the measuring thread do at the moment.

    Attributes
    ----------
    closing
        Set it before bringing the outputs to zero: from then on signals are only counted.
    received
        Number of signals so far.
    """

    def __init__(self, abort: Callable[[str], None]) -> None:
        self.closing = False
        self.received = 0
        self._abort = abort

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Ask for an abort; the second time, while measuring still, break off at once."""
        self.received += 1
        self._abort(f"Received {signal.Signals(number).name}.")
        if self.received > 1 and not self.closing:
            raise KeyboardInterrupt


@contextmanager
def guarded(abort: Callable[[str], None], install: bool = True) -> Iterator[Guard]:
    """Have the signals that end a program call ``abort`` while inside, in the main thread.

    In any other thread, or with ``install`` false, signals are left as they are.
    """
    guard = Guard(abort)
    if not install or threading.current_thread() is not threading.main_thread():
        yield guard
        return
    before = {number: signal.signal(number, guard.handle) for number in _SIGNALS}
    try:
        yield guard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
