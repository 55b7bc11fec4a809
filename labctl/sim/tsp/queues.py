"""Data queue, user strings and event log of a TSP instrument.

Source: *Series 2600B Reference Manual* (2600BS-901-01), ``dataqueue.*``, ``userstring.*``,
``eventlog.*``.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from lupa.lua51 import lua_type

from labctl.sim.status import Refused
from labctl.sim.tsp.agenda import Agenda
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.values import DATA_TYPE, MISSING, arguments, flag, text, within

CAPACITY = 128
"""Values in the data queue."""
MOST_DEPTH = 8
MOST_ITEMS = 10_000
_LONGEST_WAIT = 100_000.0


class DataQueue:
    """``dataqueue``: values that scripts on several instruments hand over."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._values: deque[Any] = deque()

    def build(self, host: LuaHost) -> None:
        """Add the object."""
        host.node(
            "dataqueue",
            {"CAPACITY": CAPACITY},
            {"count": Attribute(lambda: len(self._values))},
            {"add": self._add, "next": self._next, "clear": self.clear},
        )

    def clear(self, *given: Any) -> None:
        """Forget all values."""
        self._values.clear()

    def _add(self, *given: Any) -> bool:
        arguments(given, 1, 2)
        if given[0] is None:
            raise Refused(*MISSING)
        timeout = within(given[1], 0.0, _LONGEST_WAIT) if len(given) > 1 else 0.0
        if not self._agenda.wait(lambda: len(self._values) < CAPACITY, timeout):
            return False
        self._values.append(plain(given[0]))
        return True

    def _next(self, *given: Any) -> Any:
        arguments(given, 0, 1)
        timeout = within(given[0], 0.0, _LONGEST_WAIT) if given else 0.0
        if not self._agenda.wait(lambda: bool(self._values), timeout):
            return None
        return self._values.popleft()


def plain(value: Any, depth: int = 0) -> Any:
    """Return a copy of a Lua value made of dicts, numbers, strings and booleans; else -104."""
    if isinstance(value, bool | int | float | str):
        return value
    if lua_type(value) != "table" or depth == MOST_DEPTH or len(value) > MOST_ITEMS:
        raise Refused(*DATA_TYPE)
    items: dict[int | float | str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, int | float | str) or len(items) == MOST_ITEMS:
            raise Refused(*DATA_TYPE)
        items[key] = plain(item, depth + 1)
    return items


class UserStrings:
    """``userstring``: named texts in nonvolatile memory."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def build(self, host: LuaHost) -> None:
        """Add the object."""
        host.node(
            "userstring",
            functions={
                "add": self._add,
                "get": lambda *given: self._texts.get(text(given[0] if given else None)),
                "delete": self._delete,
            },
        )
        host.catalog("userstring", lambda: list(self._texts))

    def _add(self, *given: Any) -> None:
        arguments(given, 2, 2)
        name, value = text(given[0]), text(given[1])
        if len(self._texts) >= 100 or len(name) + len(value) > 10_000:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        self._texts[name] = value

    def _delete(self, *given: Any) -> None:
        arguments(given, 1, 1)
        if self._texts.pop(text(given[0]), None) is None:
            raise Refused(-292, "Referenced name does not exist")


def build_event_log(host: LuaHost) -> None:
    """Add ``eventlog``; it logs triggers from the LAN, and none comes."""
    store = {"enable": 1, "method": 0}

    def keep(key: str) -> Attribute:
        return Attribute(lambda: store[key], lambda value: store.update({key: flag(value)}))

    host.node(
        "eventlog",
        {"DISABLE": 0, "ENABLE": 1, "DISCARD_OLDEST": 0, "DISCARD_NEWEST": 1},
        {"count": Attribute(lambda: 0), "enable": keep("enable"),
         "overwritemethod": keep("method")},
        {"all": lambda *a: None, "next": lambda *a: None, "clear": lambda *a: None},
    )  # fmt: skip
