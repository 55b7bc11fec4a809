"""The objects around the source meter in the TSP of a Keithley 2450.

``eventlog``, ``format``, ``localnode``, ``timer``, ``status``, ``display``, ``digio``, ``beeper``.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference and appendix C.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments.keithley2450_attributes import Table, within
from labctl.sim.instruments.keithley2450_enums import chosen
from labctl.sim.instruments.keithley2450_maps import EventMap
from labctl.sim.scpi import Register
from labctl.sim.status import QueuedError
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.values import text

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp

Function = Callable[..., Any]
_DATA = ("ASCII", "REAL32", "REAL64")
_ORDERS = ("BIGENDIAN", "LITTLEENDIAN")
_MODES = (
    "MODE_DIGITAL_IN", "MODE_DIGITAL_OUT", "MODE_DIGITAL_OPEN_DRAIN", "MODE_TRIGGER_IN",
    "MODE_TRIGGER_OUT", "MODE_TRIGGER_OPEN_DRAIN", "MODE_SYNCHRONOUS_MASTER",
    "MODE_SYNCHRONOUS_ACCEPTOR",
)  # fmt: skip
_STATES = ("STATE_LOW", "STATE_HIGH")
_ACCESS = ("ACCESS_FULL", "ACCESS_EXCLUSIVE", "ACCESS_PROTECTED", "ACCESS_LOCKOUT")
_LINES = 6
_ERROR, _POSTED = 1, {1: 1005, 2: 1004, 4: 1003}
_MOST_EVENTS = 1000


class PanelObjects:
    """Tables and functions by path, and the warnings of the event log."""

    def __init__(self, box: Keithley2450Tsp) -> None:
        self.box = box
        self.events: list[QueuedError] = []
        self.registers = {"operation": Register(), "questionable": Register()}
        self._timer = box.clock.now()
        self.maps = EventMap(self.registers)
        self.tables: dict[str, Table] = {"eventlog": {}, "timer": {}, "beeper": self._beeper()}
        self.functions: dict[str, Function] = {
            "eventlog.next": self._next,
            "eventlog.getcount": self._count,
            "eventlog.clear": self._clear,
            "eventlog.post": self._post,
            "timer.cleartime": self._clear_time,
            "timer.gettime": lambda: box.clock.now() - self._timer,
            "beeper.beep": self._beep,
        }
        self._format()
        self._localnode()
        self._status()
        self._display()
        self._digio()

    def log(self, kind: str, message: str) -> None:
        """Take an event of the trigger model."""
        if kind.startswith("ERR"):
            self.box.status.error(2742, message)
        else:
            severity = 2 if kind.startswith("WARN") else 4
            self._keep(QueuedError(2738 if severity == 2 else 2734, message, severity))

    def summary(self) -> int:
        """Return the bits of the status byte that sum up the registers: OSB, QSB and MSB."""
        operation, questionable = self.registers["operation"], self.registers["questionable"]
        return (128 if operation.summary else 0) | (9 if questionable.summary else 0)

    # -- event log -----------------------------------------------------------------------------

    def _keep(self, entry: QueuedError) -> None:
        self.events.append(entry)
        del self.events[:-_MOST_EVENTS]

    def _mask(self, severity: Any) -> int:
        return 7 if severity is None else round(within(severity, 0, 7)) or 7

    def _next(self, severity: Any = None) -> tuple[Any, ...]:
        """Return number, text, severity, node, seconds and nanoseconds of the oldest event."""
        mask = self._mask(severity)
        entry, kind = None, _ERROR
        if mask & _ERROR:
            entry = self.box.status.next_error()
        if entry is None:
            entry = next((event for event in self.events if event.severity & mask), None)
            if entry is not None:
                self.events.remove(entry)
                kind = entry.severity
        if entry is None:
            return 0, "No error", 0, 0, 0, 0
        seconds, fraction = self.box.moment(self.box.clock.now())
        return entry.code, entry.text, kind, 0, seconds, int(fraction * 1e9)

    def _count(self, severity: Any = None) -> int:
        mask = self._mask(severity)
        errors = len(self.box.status.errors) if mask & _ERROR else 0
        return errors + sum(bool(event.severity & mask) for event in self.events)

    def _clear(self) -> None:
        self.box.status.errors.clear()
        self.events.clear()

    def _post(self, message: Any, severity: Any = 4) -> None:
        kind = round(within(4 if severity is None else severity, 1, 4))
        code = _POSTED.get(kind, 1003)
        if kind == _ERROR:
            self.box.status.error(code, f"User: {text(message)}")
        else:
            self._keep(QueuedError(code, f"User: {text(message)}", kind))

    # -- small objects -------------------------------------------------------------------------

    def _clear_time(self) -> None:
        self._timer = self.box.clock.now()

    def _beeper(self) -> Table:
        return {"enable": self.box.number("beeper", 0, 1, 1)}

    def _beep(self, duration: Any, frequency: Any) -> None:
        within(frequency, 20, 20e3)
        self.box.clock.sleep(within(duration, 0.001, 100.0))

    def _format(self) -> None:
        form = self.box.common.format

        def choose(key: str, names: tuple[str, ...], first: int) -> Attribute:
            return Attribute(
                lambda: f"format.{names[form[key] - first]}",
                lambda v: form.__setitem__(key, chosen(v, names, "format") + first),
            )

        self.tables["format"] = {
            "data": choose("data", _DATA, 1),
            "byteorder": choose("byteorder", _ORDERS, 0),
            "asciiprecision": Attribute(
                lambda: form["asciiprecision"],
                lambda v: form.__setitem__("asciiprecision", round(within(v, 0, 16))),
            ),
        }

    def _localnode(self) -> None:
        box, node = self.box, self.box.common.node

        def switch(key: str) -> Attribute:
            return Attribute(
                lambda: f"localnode.{('DISABLE', 'ENABLE')[int(node[key])]}",
                lambda v: node.__setitem__(key, chosen(v, ("DISABLE", "ENABLE"), "localnode")),
            )

        def gettime() -> int:
            return box.moment(box.clock.now())[0]

        self.tables["localnode"] = {
            "model": Attribute(lambda: box.model),
            "serialno": Attribute(lambda: box.serial),
            "version": Attribute(lambda: box.firmware),
            "linefreq": Attribute(lambda: box.smu.channel.line_frequency),
            "prompts": switch("prompts"),
            "prompts4882": switch("prompts4882"),
            "showevents": box.number("showevents", 0, 7, 0),
            "access": box.word("access", _ACCESS, "localnode"),
            "password": Attribute(lambda: None, lambda v: None),
        }
        self.functions |= {
            "localnode.gettime": gettime,
            "localnode.settime": lambda *when: None,
            "localnode.reset": box.reset_all,
        }

    def _status(self) -> None:
        status = self.box.status

        def mask(key: str) -> Attribute:
            return Attribute(
                lambda: getattr(status, key),
                lambda v: setattr(status, key, round(within(v, 0, 255))),
            )

        self.tables["status"] = {
            "condition": Attribute(self.box.serial_poll),
            "request_enable": mask("service_enable"),
        }
        self.tables["status.standard"] = {
            "event": Attribute(status.read_event),
            "enable": mask("event_enable"),
        }
        self.functions["status.clear"] = self._clear_status
        self.functions["status.preset"] = self._preset
        for name, register in self.registers.items():
            self._register(name, register)

    def _register(self, name: str, register: Register) -> None:
        path = f"status.{name}"
        self.tables[path] = {
            "condition": Attribute(lambda: register.condition),
            "event": Attribute(register.read_event),
            "enable": Attribute(
                lambda: register.enable,
                lambda v: setattr(register, "enable", round(within(v, 0, 65535)) & 0x7FFF),
            ),
        }

        def get_map(bit: Any) -> tuple[int, int]:
            return self.maps.get(name, round(within(bit, 0, 14)))

        def set_map(bit: Any, rises: Any, falls: Any = 0) -> None:
            upper, lower = round(within(rises, 0, 32767)), round(within(falls or 0, 0, 32767))
            self.maps.put(name, round(within(bit, 0, 14)), upper, lower)

        self.functions |= {f"{path}.getmap": get_map, f"{path}.setmap": set_map}

    def _clear_status(self) -> None:
        self.box.status.clear()
        for register in self.registers.values():
            register.event = 0

    def _preset(self) -> None:
        for register in self.registers.values():
            register.preset()
        self.maps.clear()

    def _display(self) -> None:
        box = self.box
        lights = tuple(f"STATE_{n}" for n in ("LCD_100", "LCD_75", "LCD_50", "LCD_25", "LCD_OFF"))
        self.tables["display"] = {
            "lightstate": box.word("light", (*lights, "STATE_BLACKOUT"), "display", 2),
            "readingformat": box.word("reading", ("FORMAT_PREFIX", "FORMAT_EXPONENT"), "display"),
            "activebuffer": Attribute(
                lambda: str(box.store.setdefault("active", "defbuffer1")),
                lambda v: box.store.__setitem__("active", box.buffer_name(v)),
            ),
        }
        self.functions |= {
            "display.changescreen": lambda screen: None,
            "display.clear": lambda: None,
            "display.settext": lambda line, message: None,
        }

    def _digio(self) -> None:
        box = self.box
        self.tables["digio"] = {}
        self.tables["digio.line"] = {}
        for k in range(1, _LINES + 1):
            self.tables[f"digio.line.{k}"] = {
                "mode": box.word(f"line {k} mode", _MODES, "digio"),
                "state": box.word(f"line {k}", _STATES, "digio", 1),
            }
            self.functions[f"digio.line.{k}.reset"] = lambda: None
        self.functions |= {
            "digio.readport": lambda: sum(
                box.store[f"line {k}"] << (k - 1) for k in range(1, _LINES + 1)
            ),
            "digio.writeport": self._write_port,
        }

    def _write_port(self, value: Any) -> None:
        number = round(within(value, 0, 2**_LINES - 1))
        for k in range(_LINES):
            self.box.store[f"line {k + 1}"] = number >> k & 1
