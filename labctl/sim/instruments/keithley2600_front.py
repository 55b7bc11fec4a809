"""Front panel of a TSP box of the 2600's generation: kept as settings, seen by nobody.

Source: *Series 2600B Reference Manual* (2600BS-901-01), ``display.*``; values of the constants
from memory of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from labctl.sim.status import Refused
from labctl.sim.tsp.host import Attribute, LuaHost
from labctl.sim.tsp.triggers import Source
from labctl.sim.tsp.values import arguments, flag, one_of, text, within

if TYPE_CHECKING:
    from labctl.sim.tsp import TspBox

CONSTANTS = {
    **{"SMUA": 0, "SMUB": 1, "SMUA_SMUB": 2, "USER": 3, "DISABLE": 0, "ENABLE": 1},
    **{"MEASURE_DCAMPS": 0, "MEASURE_DCVOLTS": 1, "MEASURE_OHMS": 2, "MEASURE_WATTS": 3},
    **{"DIGITS_4_5": 4, "DIGITS_5_5": 5, "DIGITS_6_5": 6, "LIMIT_IV": 0, "LIMIT_P": 1},
    **{"LOCK": 1, "UNLOCK": 0, "DONT_SAVE": 0, "SAVE": 1, "KEY_NONE": 0},
}
ROWS, COLUMNS = 2, (20, 32)
"""Lines of the display, and characters of each."""
MOST_ENTRIES = 100
"""Entries of the USER menu."""


class FrontPanel:
    """The display of one box.

    Parameters
    ----------
    box
        Where it is.
    meters
        Names of the source-measure channels it shows.
    """

    def __init__(self, box: TspBox, meters: Iterable[str] = ()) -> None:
        self.box, self._meters = box, tuple(meters)
        self._settings: dict[str, Any] = {"screen": 0, "locallockout": 0, "numpad": 1}
        self._trigger = Source(box.agenda, box.events)
        self._text = ["", ""]
        self._cursor = (1, 1)
        self._menu: dict[str, str] = {}

    def reset(self) -> None:
        """Show nothing of a script's."""
        self._settings.update(screen=0, locallockout=0, numpad=1)
        self._clear()

    def build(self, host: LuaHost) -> None:
        """Add ``display``."""
        box, settings = self.box, self._settings
        host.node(
            "display",
            CONSTANTS,
            {
                "screen": box.setting(settings, "screen", lambda v: one_of(v, (0, 1, 2, 3))),
                "locallockout": box.setting(settings, "locallockout", flag),
                "numpad": box.setting(settings, "numpad", flag),
            },
            {
                "clear": lambda *a: self._clear(),
                "settext": self._set_text,
                "gettext": lambda *a: "$N".join(self._text),
                "setcursor": self._set_cursor,
                "getcursor": lambda *a: (*self._cursor, 0),
                "getannunciators": lambda *a: 0,
                "getlastkey": lambda *a: 0,
                "sendkey": lambda *a: None,
                # Nobody presses a key: these wait for ever on the instrument.
                **{name: lambda *a: None for name in ("waitkey", "prompt", "menu", "inputvalue")},
            },
        )
        host.node(
            "display.trigger",
            {"EVENT_ID": self._trigger.event},
            {"overrun": Attribute(lambda: self._trigger.overrun)},
            self._trigger.functions(),
        )
        host.node(
            "display.loadmenu", functions={"add": self._add_entry, "delete": self._drop_entry}
        )
        host.catalog("display.loadmenu", lambda: list(self._menu))
        for name in self._meters:
            self._build_channel(host, f"display.smu{name}", name)

    def _build_channel(self, host: LuaHost, path: str, name: str) -> None:
        box, settings = self.box, self._settings
        digits = box.setting(settings, f"digits{name}", lambda v: one_of(v, (4, 5, 6)), 5)
        host.node(path, attributes={"digits": digits})
        function = box.setting(settings, f"func{name}", lambda v: one_of(v, (0, 1, 2, 3)), 1)
        host.node(f"{path}.measure", attributes={"func": function})
        limit = box.setting(settings, f"limit{name}", flag, 0)
        host.node(f"{path}.limit", attributes={"func": limit})

    def _clear(self) -> None:
        self._text, self._cursor = ["", ""], (1, 1)

    def _add_entry(self, *given: Any) -> None:
        """Keep an entry of the USER menu; nobody is there to choose it."""
        arguments(given, 2, 3)
        name, code = text(given[0]), text(given[1])
        if name not in self._menu and len(self._menu) >= MOST_ENTRIES:
            raise Refused(-225, "Out of memory or TSP memory allocation error")
        self._menu[name] = code

    def _drop_entry(self, *given: Any) -> None:
        arguments(given, 1, 1)
        if self._menu.pop(text(given[0]), None) is None:
            raise Refused(-292, "Referenced name does not exist")

    def _set_text(self, *given: Any) -> None:
        arguments(given, 1, 1)
        first, _, second = text(given[0]).partition("$N")
        self._text = [first[: COLUMNS[0]], second[: COLUMNS[1]]]

    def _set_cursor(self, *given: Any) -> None:
        arguments(given, 2, 3)
        row = int(within(given[0], 1, ROWS))
        self._cursor = (row, int(within(given[1], 1, COLUMNS[row - 1])))
