"""SIGTERM and a closed terminal as exceptions: they leave a ``with`` block as Ctrl-C does."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType

_NAMES = ("SIGTERM", "SIGHUP", "SIGBREAK")


def leave_on_signals() -> Callable[[], None]:
    """Have the signals that would end the program at once raise SystemExit instead.

    Only in the main thread, and only where nobody else handles them.

    Returns
    -------
    callable
        Puts everything back as it was.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    taken = [
        getattr(signal, name)
        for name in _NAMES
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_DFL
    ]
    for number in taken:
        signal.signal(number, _leave)

    def restore() -> None:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)

    return restore


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
