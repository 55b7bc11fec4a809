"""What one message may use of the computer, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """What one message may use: instructions, seconds of processor time, bytes of memory."""

    instructions: int = 2_000_000
    seconds: float = 2.0
    memory: int = 32 << 20
    pattern: float = 2e7


@dataclass(frozen=True)
class Outcome:
    """How a message ended: ``kind`` is "", "syntax", "runtime" or "memory"."""

    kind: str
    text: str
    instructions: int
