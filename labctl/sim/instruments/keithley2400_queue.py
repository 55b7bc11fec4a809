"""The error queue of a Keithley 2400, and which messages it takes (STATus:QUEue).

Source: *2400 Series SourceMeter User's Manual*, section 15 (queues) and 18 (STATus:QUEue).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from labctl.sim.scpi import Command, Parameter, ScpiBox
from labctl.sim.status import QueuedError, Refused

_FIRST_CODE, _LAST_CODE = -440, 999


class ErrorQueue:
    """What reads the queue and what keeps messages out of it."""

    def __init__(self, box: ScpiBox) -> None:
        self._box, self._status = box, box.status
        self._admitted: list[tuple[int, int]] = [(_FIRST_CODE, -1)]
        box.status.admits = self._admits

    def commands(self) -> Iterator[Command]:
        """Yield the tables."""
        status = self._status
        yield Command(":STATus:QUEue[:NEXT]", query=self._next)
        yield Command(":STATus:QUEue:CLEar", event=status.errors.clear)
        yield Command(":STATus:QUEue:ENABle", self._enabled, partial(self._enable, True))
        yield Command(":STATus:QUEue:DISable", self._disabled, partial(self._enable, False))

    def _admits(self, code: int) -> bool:
        return code >= 500 or any(first <= code <= last for first, last in self._admitted)

    def _enable(self, on: bool, listed: Parameter) -> None:
        """Let messages of a list like ``(-110:-222, -220)`` into the queue, or keep them out."""
        pairs = _code_list(listed)
        if on:
            self._admitted = pairs
            return
        for first, last in pairs:
            kept = []
            for low, high in self._admitted:
                kept += [(low, min(high, first - 1)), (max(low, last + 1), high)]
            self._admitted = [(low, high) for low, high in kept if low <= high]

    def _enabled(self) -> str:
        return f"({','.join(f'{low}:{high}' for low, high in sorted(self._admitted))})"

    def _disabled(self) -> str:
        pairs, at = [], _FIRST_CODE
        for low, high in sorted(self._admitted):
            if at < low:
                pairs.append(f"{at}:{low - 1}")
            at = max(at, high + 1)
        if at <= _LAST_CODE:
            pairs.append(f"{at}:{_LAST_CODE}")
        return f"({','.join(pairs)})"

    def _next(self) -> str:
        return self._box.error_text(self._status.next_error() or QueuedError(0, "No error"))


def _code_list(parameter: Parameter) -> list[tuple[int, int]]:
    if parameter.kind != "expression":
        raise Refused(-104, "Data type error")
    pairs = []
    for entry in str(parameter.value).split(","):
        first, colon, last = entry.strip().partition(":")
        try:
            ends = int(first), int(last if colon else first)
        except ValueError:
            raise Refused(-171, "Invalid expression") from None
        pairs.append((min(ends), max(ends)))
    return pairs
