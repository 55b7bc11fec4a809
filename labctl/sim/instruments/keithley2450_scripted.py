"""The trigger model in the TSP of a Keithley 2450.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference: ``trigger.model.*``,
``trigger.timer[N]``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments import keithley2450_templates as templates
from labctl.sim.instruments.keithley2450_attributes import Table, within
from labctl.sim.instruments.keithley2450_block import Block, Timer
from labctl.sim.instruments.keithley2450_enums import chosen
from labctl.sim.instruments.keithley2450_trigger import COMMAND, MOST_READINGS
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.values import ILLEGAL_VALUE, MISSING, text

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp

Function = Callable[..., Any]
_LIMITS = ("LIMIT_ABOVE", "LIMIT_BELOW", "LIMIT_INSIDE", "LIMIT_OUTSIDE")
_OFF_ON = ("OFF", "ON")


class TriggerObjects:
    """Tables and functions of ``trigger`` by path."""

    def __init__(self, box: Keithley2450Tsp) -> None:
        self.box, self.model = box, box.model_
        self.tables: dict[str, Table] = {
            "trigger": {"continuous": box.word("continuous", ("CONT_OFF", "CONT_AUTO"), "trigger")},
            "trigger.model": {},
            "trigger.timer": {},
        }
        self.functions: dict[str, Function] = {
            "trigger.clear": lambda: None,
            "trigger.wait": lambda timeout: self._wait(timeout),
            "trigger.model.load": self._load,
            "trigger.model.setblock": self._set_block,
            "trigger.model.initiate": self._initiate,
            "trigger.model.abort": lambda: self.model.abort(),
            "trigger.model.pause": lambda: None,
            "trigger.model.resume": lambda: None,
            "trigger.model.state": self._state,
            "trigger.model.getblocklist": self.model.listing,
            "trigger.model.getbranchcount": lambda k: self.model.count(_place(k)),
        }
        for k, timer in enumerate(self.model.timers, 1):
            self._timer(f"trigger.timer.{k}", timer, k)
        self._kinds: dict[str, Function] = {
            "BUFFER_CLEAR": lambda buffer=None: (box.buffer_name(buffer),),
            "MEASURE_DIGITIZE": self._measure_values,
            "DELAY_CONSTANT": lambda seconds: (within(seconds, 0.0, templates.MOST_DELAY),),
            "DELAY_DYNAMIC": lambda name: _user_delay(text(name)),
            "BRANCH_COUNTER": lambda times, to: (_count(times), _place(to)),
            "BRANCH_ALWAYS": lambda to: (_place(to),),
            "BRANCH_ONCE": lambda to: (_place(to),),
            "BRANCH_ONCE_EXCLUDED": lambda to: (_place(to),),
            "BRANCH_ON_EVENT": lambda event, to: (_event(event), _place(to)),
            "BRANCH_DELTA": lambda change, to, *of: (within(change, -1e37, 1e37), _place(to)),
            "BRANCH_LIMIT_CONSTANT": self._limit_values,
            "RESET_BRANCH_COUNT": lambda k: (_place(k),),
            "CONFIG_NEXT": lambda name: (text(name),),
            "CONFIG_PREV": lambda name: (text(name),),
            "CONFIG_RECALL": lambda name, k=1: (text(name), _place(k)),
            "SOURCE_OUTPUT": lambda state: (bool(chosen(state, _OFF_ON)),),
            "LOG_EVENT": lambda kind, message: (_log(text(kind)), text(message)),
            "NOTIFY": lambda event: (_notify(event),),
            "WAIT": self._wait_values,
            "NOP": lambda: (),
            "DIGITAL_IO": lambda *bits: (),
        }

    # -- the model -----------------------------------------------------------------------------

    def _load(self, kind: Any, *values: Any) -> None:
        name, model = text(kind).upper(), self.model
        least = {"SIMPLELOOP": 1, "DURATIONLOOP": 1, "LOOPUNTILEVENT": 1, "CONFIGLIST": 2}
        if len(values) < least.get(name, 3 if name == "LOGICTRIGGER" else 0):
            raise Refused(*MISSING)

        def late(place: int) -> float:
            value = values[place] if len(values) > place else None
            return 0.0 if value is None else within(value, 0.0, templates.MOST_DELAY)

        def buffer(place: int) -> str:
            return self.box.buffer_name(values[place] if len(values) > place else None)

        if name == "EMPTY":
            model.load()
        elif name == "SIMPLELOOP":
            templates.simple_loop(model, _count(values[0]), late(1), buffer(2))
        elif name == "DURATIONLOOP":
            duration = within(values[0], templates.LEAST_DELAY, 1e5)
            templates.duration_loop(model, duration, late(1), buffer(2))
        elif name == "CONFIGLIST":
            templates.config_list(model, text(values[0]), text(values[1]), late(2), buffer(3))
        elif name == "LOOPUNTILEVENT":
            templates.until_event(model, _event(values[0]), late(3), buffer(4))
        elif name == "LOGICTRIGGER":
            line, times = round(within(values[0], 1, 6)), _count(values[2])
            templates.logic_trigger(model, line, times, late(4), buffer(5))
        else:
            raise Refused(*ILLEGAL_VALUE)

    def _set_block(self, place: Any, kind: Any, *values: Any) -> None:
        name = text(kind).removeprefix("trigger.BLOCK_")
        name = "MEASURE_DIGITIZE" if name == "MEASURE" else name
        if name not in self._kinds:
            raise Refused(*ILLEGAL_VALUE)
        try:
            found = self._kinds[name](*values)
        except TypeError:
            raise Refused(-109, "Missing parameter") from None
        self.model.set_block(_place(place), Block(name, tuple(found)))

    def _measure_values(self, buffer: Any = None, times: Any = 1) -> tuple[str, int]:
        name = self.box.buffer_name(buffer)
        self.box.readings.find(name)
        return name, round(within(1 if times is None else times, 1, MOST_READINGS))

    def _limit_values(
        self, kind: Any, low: Any, high: Any, to: Any, *of: Any
    ) -> tuple[str, float, float, int]:
        which = _LIMITS[chosen(kind, _LIMITS, "trigger")].removeprefix("LIMIT_")
        first, second = sorted((within(low, -1e37, 1e37), within(high, -1e37, 1e37)))
        return which, first, second, _place(to)

    def _wait_values(self, event: Any, clear: Any = None, logic: Any = None, *more: Any) -> Any:
        return tuple(_event(item) for item in (event, *more))

    def _initiate(self) -> None:
        self.model.start()
        self.model.run()

    def _state(self) -> tuple[str, str, int]:
        state = f"trigger.STATE_{self.model.state}"
        return state, state, self.model.place

    def _wait(self, timeout: Any) -> bool:
        self.box.clock.sleep(within(timeout, 0.0, 1e5))
        return False

    def _timer(self, path: str, timer: Timer, k: int) -> None:
        clock = self.box.clock

        def enable(value: Any) -> None:
            timer.enabled = bool(chosen(value, _OFF_ON, "trigger"))
            timer.due = clock.now() + timer.delay

        def reset() -> None:
            timer.delay, timer.count, timer.enabled = 10e-6, 1, False

        def wait(timeout: Any) -> bool:
            seconds = within(timeout, 0.0, 1e5)
            if not timer.enabled or timer.due - clock.now() > seconds:
                clock.sleep(seconds)
                return False
            clock.sleep(timer.due - clock.now())
            timer.due += timer.delay
            return True

        self.tables[path] = {
            "delay": Attribute(
                lambda: timer.delay, lambda v: setattr(timer, "delay", within(v, 8e-6, 1e5))
            ),
            "count": Attribute(lambda: timer.count, lambda v: setattr(timer, "count", _count(v))),
            "enable": Attribute(lambda: f"trigger.{_OFF_ON[timer.enabled]}", enable),
        }
        self.tables[f"{path}.start"] = {
            "generate": self.box.word(f"timer {k} generate", _OFF_ON, "trigger"),
            "stimulus": self.box.event(f"timer {k} stimulus"),
            "seconds": self.box.number(f"timer {k} seconds", 0, 2**31, 0),
            "fractionalseconds": self.box.number(f"timer {k} fraction", 0, 1, 0),
        }
        self.functions |= {
            f"{path}.clear": lambda: None, f"{path}.reset": reset, f"{path}.wait": wait,
        }  # fmt: skip


def _place(value: Any = None) -> int:
    return round(within(value, 1, 1_000_000))


def _count(value: Any = None) -> int:
    return round(within(value, 0, templates.MOST_COUNT))


def _event(value: Any = None) -> str:
    name = text(value)
    if not name.startswith("trigger.EVENT_"):
        raise Refused(*ILLEGAL_VALUE)
    return COMMAND if name.endswith("_COMMAND") else name.removeprefix("trigger.EVENT_")


def _notify(value: Any) -> int:
    name = _event(value)
    if not name.startswith("NOTIFY"):
        raise Refused(*ILLEGAL_VALUE)
    return int(name[6:])


def _log(name: str) -> str:
    if not name.startswith("trigger.LOG_"):
        raise Refused(*ILLEGAL_VALUE)
    return name.removeprefix("trigger.LOG_").rstrip("1234")


def _user_delay(name: str) -> tuple[bool, int]:
    if not name.startswith("trigger.USER_DELAY_") or name[-1] not in "12345":
        raise Refused(*ILLEGAL_VALUE)
    return name[-2] == "S", int(name[-1])
