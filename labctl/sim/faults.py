"""What goes wrong with one simulated instrument: from the bench file, or while the bench runs."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, MutableSequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, overload

CONTACTS = ("welded", "open_relays")
"""The faults that name crosspoints of a switch matrix."""


def _nothing() -> None:
    """Be what a fault calls before any instrument has it."""


class Contacts(MutableSequence[str]):
    """Names of crosspoints; whoever changes the list has the relays changed at once.

    A name that the matrix does not have is refused with the ValueError of ``changed``, and the
    list stays as it was.
    """

    def __init__(self, names: Iterable[str] = (), changed: Callable[[], None] = _nothing) -> None:
        self._names = list(names)
        self.changed = changed

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> MutableSequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | MutableSequence[str]:
        return self._names[index]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        names = list(self._names)
        names[index] = value
        self._become(names)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._names)
        del names[index]
        self._become(names)

    def insert(self, index: int, value: str) -> None:
        """Put a name before ``index``."""
        self._become([*self._names[:index], value, *self._names[index:]])

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        return list(self) == list(other) if isinstance(other, Contacts | list) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._names)

    def _become(self, names: list[str]) -> None:
        before, self._names = self._names, names
        try:
            self.changed()
        except ValueError:
            self._names = before
            self.changed()
            raise


@dataclass
class Faults:
    """The table ``[simulation.faults.NAME]``; every field may be changed while the bench runs.

    Attributes
    ----------
    identity
        Model to name in the answer to ``*IDN?``; empty: the true one.
    silent
        Whether the instrument takes everything and answers nothing.
    silent_after
        Number of messages after which it falls silent; None: never.
    lost
        Whether the connection is broken: nothing arrives, nothing comes back, and the transport
        says so. The instrument itself keeps its settings.
    lost_after
        Number of messages after which the connection breaks, in the middle of the next one.
    garbage
        How many of the next answers are replaced by as many random bytes; True: all of them.
    delay
        s added to every answer.
    interlock
        ``"open"`` (or ``"closed"``, as without a fault): a 2400, a 2450 and a B2900 refuse to
        switch their output on; a 2600 refuses its 200 V range, and its output where
        ``outputenableaction`` says so.
    over_range
        Whether every reading overflows.
    power_cycle_after
        Number of messages after which the mains fail for a moment, once.
    welded, open_relays
        Crosspoints of a switch matrix, in its own notation, that are always closed, and that never
        conduct, whatever the matrix reports.
    """

    identity: str = ""
    silent: bool = False
    silent_after: int | None = None
    lost: bool = False
    lost_after: int | None = None
    garbage: bool | int = False
    delay: float = 0.0
    interlock: str = ""
    over_range: bool = False
    power_cycle_after: int | None = None
    welded: MutableSequence[str] = field(default_factory=Contacts)
    open_relays: MutableSequence[str] = field(default_factory=Contacts)

    deaf: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether one of the faults by which a message comes to nothing is set."""

    changes = 0
    """How often a fault was set or mended; those of contacts do not count."""

    def __post_init__(self) -> None:
        self._cycle: Callable[[], None] = _nothing
        self._changed: Callable[[], None] = _nothing
        self._random = random.Random(0x6A7BA6E)
        self._weigh()

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in CONTACTS:
            _check(name, value)
            object.__setattr__(self, name, value)
            object.__setattr__(self, "changes", self.changes + 1)
            if name in _DEAFENING:
                self._weigh()
            return
        changed = getattr(self, "_changed", _nothing)
        before = getattr(self, name, None)
        object.__setattr__(self, name, Contacts(value, changed))
        try:
            changed()
        except ValueError:
            object.__setattr__(self, name, before)
            raise

    def _weigh(self) -> None:
        """Say whether a message may come to nothing: asked for every message, seldom so."""
        found = (self.__dict__.get(name) for name in _DEAFENING)
        object.__setattr__(self, "deaf", any(v is not None and v is not False for v in found))

    def present(self) -> bool:
        """Tell whether there is any fault but those of contacts."""
        return self.deaf or bool(self.garbage or self.delay or self.interlock or self.over_range)

    def power_cycle(self) -> None:
        """Switch the instrument off and on again: all is as after power-up."""
        self._cycle()

    def on_power_cycle(self, act: Callable[[], None]) -> None:
        """Say what a power cycle does (the instrument does, when it is made)."""
        self._cycle = act

    def on_contacts(self, act: Callable[[], None]) -> None:
        """Say what follows from a change of the lists of contacts, and do it now."""
        self._changed = act
        for name in CONTACTS:
            getattr(self, name).changed = act
        act()

    def spoil(self, answer: bytes) -> bytes:
        """Return an answer as it comes over the line: as it is, or garbage of the same length."""
        if self.garbage is not True:
            self.garbage = max(int(self.garbage) - 1, 0)
        body = answer[:-1] if answer.endswith(b"\n") else answer
        # No line feed inside: what reads to the terminator gets the whole of it at once.
        noise = bytes(self._random.choice(_NOISE) for _ in body)
        return noise + answer[len(body) :]


_DEAFENING = ("silent", "silent_after", "lost", "lost_after", "power_cycle_after")
"""The faults by which a message comes to nothing."""
_COUNT: tuple[type, ...] = (int, type(None))
_KINDS: dict[str, tuple[type, ...]] = {
    "identity": (str,),
    "silent": (bool,),
    "silent_after": _COUNT,
    "lost": (bool,),
    "lost_after": _COUNT,
    "garbage": (bool, int),
    "delay": (int, float),
    "interlock": (str,),
    "over_range": (bool,),
    "power_cycle_after": _COUNT,
}
_INTERLOCK = ("", "open", "closed")


def _check(name: str, value: Any) -> None:
    """Raise where there is no such fault, or it cannot have this value."""
    if name.startswith("_"):
        return
    kinds = _KINDS.get(name)
    if kinds is None:
        known = ", ".join(sorted((*_KINDS, *CONTACTS)))
        raise AttributeError(f"there is no fault {name!r}; an instrument can have {known}")
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"fault {name} cannot be {value!r}")
    if name == "interlock" and value not in _INTERLOCK:
        raise ValueError(f"fault interlock cannot be {value!r}: it is 'open' or 'closed'")
    if name == "delay" and isinstance(value, int | float) and not 0.0 <= value < inf:
        raise ValueError(f"fault delay cannot be {value!r}: give a time of 0 s or more")


_NOISE = bytes(byte for byte in range(256) if byte != 0x0A)
