"""What every TSP instrument has: common commands, print formats, clock, queues, localnode.

Source: *Series 2600B Reference Manual* (2600BS-901-01), "Common commands" and the TSP command
reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.status import Refused
from labctl.sim.tsp import bits
from labctl.sim.tsp.host import Attribute, HostFunction, LuaHost
from labctl.sim.tsp.link import NodeError
from labctl.sim.tsp.queues import DataQueue, UserStrings, build_event_log
from labctl.sim.tsp.values import (
    ASCII,
    BIG_ENDIAN,
    DATA_TYPE,
    LITTLE_ENDIAN,
    REAL32,
    REAL64,
    arguments,
    flag,
    number,
    number_block,
    one_of,
    printed,
    text,
    within,
)

if TYPE_CHECKING:
    from labctl.sim.tsp.box import TspBox

_FORMATS = {
    "ASCII": ASCII,
    **dict.fromkeys(("SREAL", "REAL32"), REAL32),
    **dict.fromkeys(("REAL", "REAL64", "DREAL"), REAL64),
    **dict.fromkeys(("NORMAL", "BIGENDIAN", "NETWORK"), BIG_ENDIAN),
    **dict.fromkeys(("SWAPPED", "LITTLEENDIAN"), LITTLE_ENDIAN),
}
_PASSWORDS = {"PASSWORD_NONE": 0, "PASSWORD_WEB": 1, "PASSWORD_LAN": 2, "PASSWORD_ALL": 3}
EPOCH = 1_600_000_000
"""Seconds since 1970 at which bench time starts, for ``os.time``."""
BEEP_TIME = (0.001, 100.0)
"""Shortest and longest ``beeper.beep``, s."""


class Common:
    """The common part of one box.

    Attributes
    ----------
    commands
        The common commands without a value, by their headers.
    """

    def __init__(self, box: TspBox) -> None:
        self.box = box
        self.format: dict[str, Any] = {}
        self.node: dict[str, Any] = {}
        self.queue = DataQueue(box.agenda)
        self.strings = UserStrings()
        self.commands = self._table()
        self._timer = box.clock.now()
        self.power_on()

    def power_on(self) -> None:
        """Be as after power-up."""
        self._timer = self.box.clock.now()
        self.queue.clear()
        self.node.update(prompts=0, showerrors=0, autolinefreq=True, linefreq=50.0, beep=1)
        self.node.update(prompts4882=1, passwordmode=1, password="", description="")
        self.node.update(zone="GMT", offset=0.0)
        self.reset()

    def reset(self) -> None:
        """Be as after ``reset()``."""
        self.format.update(data=ASCII, byteorder=LITTLE_ENDIAN, asciiprecision=6)

    def services(self) -> dict[str, HostFunction]:
        """Return what objects.lua asks for."""
        return {
            "print": self._print,
            "printbuffer": self._printbuffer,
            "printnumber": self._printnumber,
        }

    # -- messages ------------------------------------------------------------------------------

    def prompt(self, loading: bool) -> None:
        """Send errors and prompt where they are switched on."""
        box, status = self.box, self.box.status
        if self.node["showerrors"]:
            while (error := status.next_error()) is not None:
                box.say(f"{error.code}, {error.text}\n".encode("latin-1"))
        if self.node["prompts"]:
            box.say(b">>>>\n" if loading else b"TSP?\n" if status.errors else b"TSP>\n")

    def command(self, head: str, value: str) -> object:
        """Do a common command and return its answer, or None."""
        if head in ("*ESE", "*SRE"):
            self._enable(head, value)
            return None
        act = self.commands.get(head)
        if act is None:
            raise Refused(-285, f"TSP Syntax error at line 1: unexpected symbol near `{head[:40]}'")
        return act()

    def _table(self) -> dict[str, Callable[[], object]]:
        """Return the common commands without a value by their headers."""
        box, status = self.box, self.box.status
        return {
            "*IDN?": self._identity,
            "*STB?": lambda: self._polled(box.status_byte),
            "*ESR?": lambda: self._polled(status.read_event),
            "*OPC?": lambda: self._complete(1),
            "*WAI": lambda: self._complete(None),
            "*RST": box.reset_all,
            "*CLS": self._clear,
            "*OPC": box.work.notify,
            "*TRG": box.group_trigger,
            "*TST?": lambda: 0,
            "*ESE?": lambda: status.event_enable,
            "*SRE?": lambda: status.service_enable,
        }

    def _identity(self) -> str:
        box = self.box
        model = box.faults.identity or box.model
        return f"{box.vendor}, Model {model}, {box.serial}, {box.firmware}"

    def _polled(self, ask: Callable[[], int]) -> int:
        self.box.work.poll()
        return ask()

    def _complete(self, answer: int | None) -> int | None:
        """Wait until nothing runs."""
        box = self.box
        if not box.agenda.wait(lambda: not box.work.running):
            box.stop_all()  # as the device clear that a program with a time-out sends
        return answer

    def _clear(self) -> None:
        self.box.status.clear()
        if self.box.registers is not None:
            self.box.registers.clear()

    def _enable(self, head: str, value: str) -> None:
        try:
            mask = int(float(value))
        except (ValueError, OverflowError):
            raise Refused(*DATA_TYPE) from None
        if not 0 <= mask <= 255:
            raise Refused(-222, "Parameter data out of range")
        if head == "*ESE":
            self.box.status.event_enable = mask
        else:
            self.box.status.service_enable = mask & ~64

    # -- objects -------------------------------------------------------------------------------

    def build(self, host: LuaHost) -> None:
        """Add the objects to a fresh Lua state."""
        box, node = self.box, self.node
        host.function("delay", self._delay)
        host.function("waitcomplete", self._wait_complete)
        host.function("opc", lambda *a: box.work.notify())
        host.function("reset", lambda *a: box.reset_all())
        host.function("gettimezone", lambda *a: node["zone"])
        host.function("settimezone", self._set_zone)
        host.function("settime", self._set_time)
        host.node("os", functions={"time": self._time})
        host.node("bit", functions=bits.functions())
        self._build_queues(host)
        host.node(
            "format",
            _FORMATS,
            {
                "data": box.setting(self.format, "data", lambda v: one_of(v, (1, 2, 3))),
                "byteorder": box.setting(self.format, "byteorder", flag),
                "asciiprecision": box.setting(
                    self.format, "asciiprecision", lambda v: int(within(v, 1, 16))
                ),
            },
        )
        host.node("timer", functions={"reset": self._reset_timer})
        host.node("timer.measure", functions={"t": lambda *a: box.clock.now() - self._timer})
        host.node(
            "beeper",
            {"OFF": 0, "ON": 1},
            {"enable": box.setting(node, "beep", flag)},
            {"beep": self._beep},
        )
        self._build_localnode(host)

    def _build_queues(self, host: LuaHost) -> None:
        status = self.box.status
        host.node(
            "errorqueue",
            attributes={"count": Attribute(lambda: len(status.errors))},
            functions={"next": self._next_error, "clear": lambda *a: status.errors.clear()},
        )
        build_event_log(host)
        self.queue.build(host)
        self.strings.build(host)

    def _build_localnode(self, host: LuaHost) -> None:
        box, node = self.box, self.node

        def keep(key: str, check: Any) -> Attribute:
            return box.setting(node, key, check)

        host.node(
            "localnode",
            _PASSWORDS,
            {
                "model": Attribute(lambda: box.model),
                "serialno": Attribute(lambda: box.serial),
                "revision": Attribute(lambda: box.firmware),
                "vendor": Attribute(lambda: box.vendor),
                "license": Attribute(lambda: "Lua 5.0: copyright PUC-Rio"),
                "linefreq": keep("linefreq", self._frequency),
                "autolinefreq": keep("autolinefreq", lambda v: bool(flag(v))),
                "prompts": keep("prompts", self._chatty),
                "prompts4882": keep("prompts4882", flag),
                "showerrors": keep("showerrors", self._chatty),
                "password": Attribute(lambda: None, keep("password", _password).set),
                "passwordmode": keep("passwordmode", lambda v: one_of(v, (0, 1, 2, 3))),
                "description": Attribute(
                    lambda: (
                        node["description"] or f"Keithley Instruments {box.model} #{box.serial}"
                    ),
                    keep("description", lambda v: text(v)[:64]).set,
                ),
            },
            {"reset": lambda *a: box.reset_all()},
        )

    def _frequency(self, value: Any) -> float:
        hertz = float(one_of(value, (50, 60)))
        self.node["autolinefreq"] = False
        self.box.set_line_frequency(hertz)
        return hertz

    def _chatty(self, value: Any) -> int:
        self.box.alert()
        return flag(value)

    # -- functions -----------------------------------------------------------------------------

    def _print(self, *values: Any) -> None:
        precision = self.format["asciiprecision"]
        line = "\t".join([printed(value, precision) for value in values])
        self.box.say(f"{line}\n".encode("latin-1"))

    def _printbuffer(self, *given: Any) -> None:
        arguments(given, 3, 50)
        self._say_numbers(self.box.rows(given[0], given[1], given[2:]))

    def _printnumber(self, *values: Any) -> None:
        arguments(values, 1, 1000)
        self._say_numbers([number(value) for value in values])

    def _say_numbers(self, values: list[Any]) -> None:
        form = self.format
        if any(isinstance(value, str) for value in values):
            shown = (printed(value, form["asciiprecision"]) for value in values)
            self.box.say((", ".join(shown) + "\n").encode("latin-1"))
        else:
            block = number_block(values, form["data"], form["byteorder"], form["asciiprecision"])
            self.box.say(block)

    def _delay(self, *given: Any) -> None:
        if len(given) != 1:
            arguments(given, 1, 1)
        box = self.box
        if box.agenda.due:
            box.host.strain()
        box.clock.sleep(within(given[0], 0.0, 100_000.0))

    def _wait_complete(self, *given: Any) -> None:
        arguments(given, 0, 1)
        if self.box.work.running:
            self.box.host.strain()
            self.box.work.wait()

    def _beep(self, *given: Any) -> None:
        arguments(given, 2, 2)
        self.box.clock.sleep(within(given[0], *BEEP_TIME))
        within(given[1], 20, 8000)

    def _reset_timer(self, *given: Any) -> None:
        self._timer = self.box.clock.now()

    def _next_error(self, *given: Any) -> tuple[int, str, int, int]:
        error = self.box.status.next_error()
        if error is None:
            return 0, "Queue Is Empty", 0, 0
        node = error.node if isinstance(error, NodeError) else self.box.link.number
        return error.code, error.text, error.severity, node

    def _time(self, *given: Any) -> int:
        arguments(given, 0, 1)
        return int(EPOCH + self.node["offset"] + self.box.clock.now())

    def _set_time(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self.node["offset"] = within(given[0], 0, 2**32) - EPOCH - self.box.clock.now()

    def _set_zone(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self.node["zone"] = text(given[0])[:64]


def _password(value: Any) -> str:
    word = text(value)
    if len(word) > 255:
        raise Refused(-154, "String too long")
    return word
