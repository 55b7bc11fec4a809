"""Signals that end a program: they leave a ``with`` block, and never cut the way to zero short."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def signals_held() -> Iterator[None]:
    """Keep Ctrl-C and its like back while inside; afterwards they do what they would have done.

    In any other thread than the main one signals never interrupt, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    before = {
        number: signal.signal(number, lambda number, frame: received.append(number))
        for number in (getattr(signal, n) for n in ("SIGINT", *_NAMES) if hasattr(signal, n))
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
    if received:
        signal.raise_signal(received[0])


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
