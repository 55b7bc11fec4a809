"""Blocks and timers of the trigger model of a Keithley 2450.

Source: *Model 2450 Reference Manual* (2450-901-01), ``trigger.model.getblocklist()`` and
``trigger.timer[N]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_LABELS = {
    "BUFFER_CLEAR": ("BUFFER",),
    "MEASURE_DIGITIZE": ("BUFFER", "COUNT"),
    "DELAY_CONSTANT": ("DELAY",),
    "BRANCH_COUNTER": ("VALUE", "BRANCH_BLOCK"),
    "BRANCH_ALWAYS": ("BRANCH_BLOCK",),
    "BRANCH_ON_EVENT": ("EVENT", "BRANCH_BLOCK"),
    "CONFIG_RECALL": ("CONFIG_LIST", "INDEX"),
    "CONFIG_NEXT": ("CONFIG_LIST",),
    "SOURCE_OUTPUT": ("OUTPUT",),
    "WAIT": ("EVENT", "EVENT", "EVENT"),
}
"""What the values of a block are called in the list of blocks."""


@dataclass(frozen=True, slots=True)
class Block:
    """One block; ``kind`` as the TSP constants name it, without ``trigger.BLOCK_``."""

    kind: str
    values: tuple[Any, ...] = ()

    def __str__(self) -> str:
        labels = _LABELS.get(self.kind, ("VALUE",) * len(self.values))
        shown = "  ".join(
            f"{label}: {value}" for label, value in zip(labels, self.values, strict=False)
        )
        return f"{self.kind:<21} {shown}".rstrip()


@dataclass
class Timer:
    """One trigger timer: period (s), events to come (0: no end), when the next is due."""

    delay: float = 10e-6
    count: int = 1
    enabled: bool = False
    due: float = 0.0
