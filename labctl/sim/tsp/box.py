"""A TSP instrument on the bus: common commands, scripts, print formats, error queue."""

from __future__ import annotations

from typing import Any

from labctl.clock import VirtualClock
from labctl.sim.box import Box, Faults
from labctl.sim.status import OPERATION_COMPLETE, Refused
from labctl.sim.tsp.buffers import Buffers
from labctl.sim.tsp.host import Attribute, Budget, HostFunction, LuaHost, Value
from labctl.sim.tsp.values import (
    ASCII,
    BIG_ENDIAN,
    LITTLE_ENDIAN,
    REAL32,
    REAL64,
    arguments,
    number,
    number_block,
    one_of,
    printed,
    setter,
    text,
    within,
)

INSTRUCTION_TIME = 1e-6
"""Bench time of one Lua instruction, s (order of magnitude; a 2600 is not specified so)."""
MOST_SCRIPT = 1 << 20
"""Characters of one script."""


class TspBox(Box):
    """What all TSP instruments have in common; a model adds its objects in :meth:`build`.

    Attributes
    ----------
    vendor, model, serial, firmware
        What ``*IDN?`` answers.
    """

    vendor = "Keithley Instruments Inc."
    serial = "4012345"
    firmware = "3.2.2"
    message_time = 2e-4
    answer_time = 2e-4

    def __init__(
        self,
        clock: VirtualClock,
        model: str,
        faults: Faults | None = None,
        budget: Budget | None = None,
    ) -> None:
        super().__init__(clock, faults)
        self.model = model
        self.buffers = Buffers()
        self._budget = budget
        self._format: dict[str, Any] = {}
        self._node: dict[str, Any] = {"prompts": 0, "showerrors": 0, "autolinefreq": True}
        self._node.update(linefreq=50.0, prompts4882=1, passwordmode=1, description="")
        self._timer = clock.now()
        self._script: tuple[str, bool] | None = None  # name, whether to run at the end
        self._lines: list[str] = []
        self._length = 0
        self._default_format()
        self._start()

    # -- what a model provides -----------------------------------------------------------------

    def build(self, host: LuaHost) -> None:
        """Add the objects of the model to a fresh Lua state."""
        raise NotImplementedError

    def reset(self) -> None:
        """Bring the instrument to its power-on settings (``reset()``, ``*RST``)."""
        raise NotImplementedError

    def stop(self) -> None:
        """Break off a measurement or sweep that runs in the background."""

    # -- messages ------------------------------------------------------------------------------

    def execute(self, line: str) -> None:
        """Run one message."""
        if self._script is not None:
            self._collect(line)
        elif line[0] == "*":
            self._common(line)
        else:
            head = line.split(None, 1)[0]
            if head in ("loadscript", "loadandrunscript"):
                self._script = (line[len(head) :].strip(), head == "loadandrunscript")
                self._lines, self._length, self.blank_lines = [], 0, True
            elif head == "endscript":
                self.status.error(-285, "TSP Syntax error at line 1: no script is being loaded")
            elif head == "abort":
                self.stop()
            else:
                self.run(line)
        if self._node["showerrors"]:
            while (error := self.status.next_error()) is not None:
                self.say(f"{error.code}, {error.text}\n".encode("latin-1"))
        if self._node["prompts"]:
            self.say(b"TSP?\n" if self.status.errors else b"TSP>\n")

    def run(self, source: str) -> None:
        """Run Lua text; what goes wrong is queued."""
        outcome = self.host.run(source)
        if outcome.instructions:
            self.clock.sleep(outcome.instructions * INSTRUCTION_TIME)
        if outcome.kind == "memory" or outcome.text.endswith("not enough memory"):
            self.status.error(-225, "Out of memory or TSP memory allocation error", 30)
            if outcome.kind == "memory":
                self._start()
        elif outcome.kind == "syntax":
            self.status.error(-285, f"TSP Syntax error at {_place(outcome.text)}")
        elif outcome.kind == "runtime":
            self.status.error(-286, f"TSP Runtime error at {_place(outcome.text)}")

    def abort(self) -> None:
        """Forget a half-loaded script and stop what runs."""
        self._script, self._lines, self.blank_lines = None, [], False
        self.stop()

    def refuse(self, refused: Refused) -> None:
        """Queue what the instrument does not take."""
        self.status.error(refused.code, refused.text)

    def _collect(self, line: str) -> None:
        assert self._script is not None
        if line != "endscript":
            self._length += len(line) + 1
            if self._length <= MOST_SCRIPT:
                self._lines.append(line)
            return
        (name, run), self._script, self.blank_lines = self._script, None, False
        source, self._lines = "\n".join(self._lines), []
        if self._length > MOST_SCRIPT:
            self.status.error(-225, "Out of memory or TSP memory allocation error", 30)
            return
        if name and not (name.isidentifier() and name.isascii()):
            self.status.error(-281, "Cannot create program")
            return
        self.host.define_script(source, name)
        if run:
            self.run(source)

    def _common(self, line: str) -> None:
        head, _, value = line.partition(" ")
        head, value, status = head.upper(), value.strip(), self.status
        answer: object = None
        if head == "*IDN?":
            model = self.faults.identity or self.model
            answer = f"{self.vendor}, Model {model}, {self.serial}, {self.firmware}"
        elif head == "*RST":
            self._reset_all()
        elif head == "*CLS":
            status.clear()
        elif head == "*ESR?":
            answer = status.read_event()
        elif head == "*STB?":
            answer = self.serial_poll()
        elif head == "*ESE?":
            answer = status.event_enable
        elif head == "*SRE?":
            answer = status.service_enable
        elif head in ("*ESE", "*SRE"):
            self._enable(head, value)
        elif head == "*OPC":
            status.event |= OPERATION_COMPLETE
        elif head == "*OPC?":
            answer = 1
        elif head == "*TST?":
            answer = 0
        elif head == "*TRG":
            self.group_trigger()
        elif head != "*WAI":
            status.error(-285, f"TSP Syntax error at line 1: unexpected symbol near `{head[:40]}'")
        if answer is not None:
            self.say(f"{answer}\n".encode("latin-1"))

    def _enable(self, head: str, value: str) -> None:
        try:
            mask = int(float(value))
        except (ValueError, OverflowError):
            self.status.error(-104, "Data type error")
            return
        if not 0 <= mask <= 255:
            self.status.error(-222, "Parameter data out of range")
        elif head == "*ESE":
            self.status.event_enable = mask
        else:
            self.status.service_enable = mask & ~64

    # -- objects common to all models ----------------------------------------------------------

    def _start(self) -> None:
        """Make a fresh Lua state with the objects of the model."""
        buffers = self.buffers = Buffers()
        services: dict[str, HostFunction] = {
            "print": self._print,
            "printbuffer": self._printbuffer,
            "printnumber": self._printnumber,
            "script_failed": lambda message: self.status.error(
                -285, f"TSP Syntax error at {_place(str(message))}"
            ),
            "buffer_get": buffers.get,
            "buffer_set": buffers.set,
            "buffer_item": buffers.item,
            "buffer_clear": buffers.clear,
            "buffer_new": buffers.new,
            "buffer_free": buffers.free,
        }
        host = self.host = LuaHost(services, self.refuse, self._budget)
        self._build_common(host)
        self.build(host)

    def _build_common(self, host: LuaHost) -> None:
        clock, status = self.clock, self.status
        host.function("delay", self._delay)
        host.function("waitcomplete", lambda *a: None)
        host.function("opc", self._operation_complete)
        host.function("reset", lambda *a: self._reset_all())
        host.node(
            "errorqueue",
            attributes={"count": Attribute(lambda: len(status.errors))},
            functions={"next": self._next_error, "clear": lambda *a: status.errors.clear()},
        )
        host.node(
            "format",
            constants={
                "ASCII": ASCII,
                "SREAL": REAL32,
                "REAL32": REAL32,
                "REAL": REAL64,
                "REAL64": REAL64,
                "DREAL": REAL64,
                "NORMAL": BIG_ENDIAN,
                "BIGENDIAN": BIG_ENDIAN,
                "NETWORK": BIG_ENDIAN,
                "SWAPPED": LITTLE_ENDIAN,
                "LITTLEENDIAN": LITTLE_ENDIAN,
            },
            attributes={
                "data": self.setting(self._format, "data", lambda v: one_of(v, (1, 2, 3))),
                "byteorder": self.setting(self._format, "byteorder", lambda v: one_of(v, (0, 1))),
                "asciiprecision": self.setting(
                    self._format, "asciiprecision", lambda v: int(within(v, 1, 16))
                ),
            },
        )
        host.node("timer", functions={"reset": self._reset_timer})
        host.node("timer.measure", functions={"t": lambda *a: clock.now() - self._timer})
        host.node(
            "localnode",
            attributes={
                "model": Attribute(lambda: self.model),
                "serialno": Attribute(lambda: self.serial),
                "revision": Attribute(lambda: self.firmware),
                "vendor": Attribute(lambda: self.vendor),
                "linefreq": self.setting(
                    self._node, "linefreq", lambda v: float(one_of(v, (50, 60)))
                ),
                "autolinefreq": self.setting(self._node, "autolinefreq", lambda v: bool(v)),
                "prompts": self.setting(self._node, "prompts", lambda v: one_of(v, (0, 1))),
                "prompts4882": self.setting(self._node, "prompts4882", lambda v: one_of(v, (0, 1))),
                "showerrors": self.setting(self._node, "showerrors", lambda v: one_of(v, (0, 1))),
                "description": self.setting(self._node, "description", lambda v: text(v)[:64]),
            },
            functions={"reset": lambda *a: self._reset_all()},
        )
        host.node("beeper", attributes={"enable": self.setting(self._node, "beep", _flag, 1)})
        host.function("beeper.beep", self._beep)
        host.node("status", attributes={"condition": Attribute(self.serial_poll)})
        host.function("status.reset", lambda *a: None)
        host.node("tsplink", {"state": "offline", "node": 1})

    def setting(
        self, store: dict[str, Any], key: str, check: Any, default: Value = None
    ) -> Attribute:
        """Return an attribute kept in ``store`` under ``key``."""
        store.setdefault(key, default)
        return Attribute(lambda: store[key], setter(store, key, check))

    def _default_format(self) -> None:
        self._format.update(data=ASCII, byteorder=LITTLE_ENDIAN, asciiprecision=6)

    def _reset_all(self) -> None:
        self._default_format()
        self.reset()

    def _print(self, *values: Any) -> None:
        precision = self._format["asciiprecision"]
        line = "\t".join([printed(value, precision) for value in values])
        self.say(line.encode("latin-1") + b"\n")

    def _printbuffer(self, *given: Any) -> None:
        arguments(given, 3, 50)
        self._say_numbers(self.buffers.rows(given[0], given[1], given[2:]))

    def _printnumber(self, *values: Any) -> None:
        arguments(values, 1, 1000)
        self._say_numbers([number(value) for value in values])

    def _say_numbers(self, values: list[Any]) -> None:
        form = self._format
        if any(isinstance(value, str) for value in values):
            self.say((", ".join(map(str, values)) + "\n").encode())
        else:
            self.say(number_block(values, form["data"], form["byteorder"], form["asciiprecision"]))

    def _delay(self, *given: Any) -> None:
        arguments(given, 1, 1)
        self.clock.sleep(within(given[0], 0.0, 100_000.0))

    def _beep(self, *given: Any) -> None:
        arguments(given, 2, 2)
        self.clock.sleep(within(given[0], 0.0, 100.0))

    def _operation_complete(self, *given: Any) -> None:
        self.status.event |= OPERATION_COMPLETE

    def _reset_timer(self, *given: Any) -> None:
        self._timer = self.clock.now()

    def _next_error(self, *given: Any) -> tuple[int, str, int, int]:
        error = self.status.next_error()
        if error is None:
            return 0, "Queue Is Empty", 0, 0
        return error.code, error.text, error.severity, 1


def _flag(value: Any) -> int:
    return one_of(value, (0, 1))


def _place(message: str) -> str:
    """Return ``line N: text`` of a Lua message like ``tsp:N: text``."""
    chunk, _, rest = message.partition(":")
    line, _, what = rest.partition(":")
    if chunk == "tsp" and line.isdigit():
        return f"line {line}: {what.strip()}"
    return f"line 1: {message}"
