"""The objects ``smu``, ``buffer`` and ``trigger`` in the TSP of a Keithley 2450.

Source: *Model 2450 Reference Manual* (2450-901-01), TSP command reference. Limit tests and math are
settings without effect on readings; of the trigger objects only model and timers do anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labctl.sim.instruments import keithley2450_templates as templates
from labctl.sim.instruments.keithley2450_attributes import (
    FUNCTIONS,
    OFF_ON,
    Table,
    attribute_of,
    delay_table,
    flag,
    limit_table,
    measure_table,
    protect_table,
    put,
    source_table,
    sub_tables,
    within,
)
from labctl.sim.instruments.keithley2450_enums import chosen, named
from labctl.sim.instruments.keithley2450_lists import ConfigLists, linear, logarithmic, stepped
from labctl.sim.instruments.keithley2450_reading import CONFLICT
from labctl.sim.instruments.smu import CURRENT, VOLTAGE
from labctl.sim.status import Refused
from labctl.sim.tsp import Attribute
from labctl.sim.tsp.values import number, text

if TYPE_CHECKING:
    from labctl.sim.instruments.keithley2450_tsp import Keithley2450Tsp

Function = Callable[..., Any]
_RANGES = ("RANGE_AUTO", "RANGE_BEST", "RANGE_FIXED")
_KINDS = ("AUTO", "BEST", "FIXED")
_TERMINALS = ("TERMINALS_FRONT", "TERMINALS_REAR")
_MATH = ("MATH_MXB", "MATH_PERCENT", "MATH_RECIPROCAL")
_AUDIBLE = ("AUDIBLE_NONE", "AUDIBLE_FAIL", "AUDIBLE_PASS")
_INDEX_MOST = 1_000_000


class SmuObjects:
    """Tables and functions of ``smu`` by path."""

    def __init__(self, box: Keithley2450Tsp) -> None:
        self.box, self.smu = box, box.smu
        self.tables: dict[str, Table] = {}
        self.functions: dict[str, Function] = {}
        self._source()
        self._measure()
        self._around()

    def _source(self) -> None:
        smu = self.smu

        def present() -> int:
            return smu.function

        self.tables["smu.source"] = {
            **source_table(smu, present),
            "func": Attribute(
                lambda: named(smu.function, FUNCTIONS),
                lambda v: smu.set_function(chosen(v, FUNCTIONS[:2])),
            ),
            "output": flag(lambda: smu.output, smu.set_output),
        }
        self.tables["smu.source.ilimit"] = limit_table(smu, VOLTAGE)
        self.tables["smu.source.vlimit"] = limit_table(smu, CURRENT)
        self.tables["smu.source.protect"] = protect_table(smu)
        self.tables["smu.source.userdelay"] = delay_table(
            lambda: smu.sources[smu.function].user_delays
        )
        self.functions |= {
            "smu.source.getattribute": lambda f, name: attribute_of(smu, f, name, True).get(),
            "smu.source.setattribute": lambda f, name, value: put(
                attribute_of(smu, f, name, True), str(name), value
            ),
            "smu.source.sweeplinear": lambda name, start, stop, points, *more: self._sweep(
                name, linear(number(start), number(stop), _whole(points)), more
            ),
            "smu.source.sweeplinearstep": lambda name, start, stop, step, *more: self._sweep(
                name, stepped(number(start), number(stop), number(step)), more
            ),
            "smu.source.sweeplog": self._sweep_log,
            "smu.source.sweeplist": self._sweep_list,
            **_lists("smu.source.configlist", self.box.sources),
        }

    def _measure(self) -> None:
        smu = self.smu

        def present() -> int:
            return smu.sense

        self.tables["smu.measure"] = {
            **measure_table(smu, present),
            "func": Attribute(
                lambda: named(smu.sense, FUNCTIONS),
                lambda v: smu.set_sense(chosen(v, FUNCTIONS)),
            ),
            "count": Attribute(
                lambda: smu.count, lambda v: setattr(smu, "count", _whole(v, 1, 300_000))
            ),
            "terminals": self._terminals(),
        }
        for name, table in sub_tables(smu, present).items():
            self.tables[f"smu.measure.{name}"] = table
        self.tables["smu.measure.userdelay"] = delay_table(
            lambda: smu.measures[smu.sense].user_delays
        )
        self.functions |= {
            "smu.measure.read": lambda buffer=None: self._read(buffer)[0],
            "smu.measure.readwithtime": self._read,
            "smu.measure.rel.acquire": self._acquire,
            "smu.measure.autozero.once": lambda: self.box.clock.sleep(0.04),
            "smu.measure.getattribute": lambda f, name: attribute_of(smu, f, name, False).get(),
            "smu.measure.setattribute": lambda f, name, value: put(
                attribute_of(smu, f, name, False), str(name), value
            ),
            **_lists("smu.measure.configlist", self.box.measures),
        }

    def _around(self) -> None:
        smu, box = self.smu, self.box
        self.tables["smu"] = {"terminals": self._terminals()}
        self.tables["smu.interlock"] = {
            "enable": flag(
                lambda: smu.interlock_needed, lambda on: setattr(smu, "interlock_needed", on)
            ),
            "tripped": Attribute(lambda: named(int(smu.interlock), OFF_ON)),
        }
        self.tables["smu.measure.math"] = {
            "enable": box.flag("math", "smu"),
            "format": box.word("math format", _MATH, "smu", 1),
            "percent": box.number("percent", -1e12, 1e12, 1.0),
        }
        self.tables["smu.measure.math.mxb"] = {
            "bfactor": box.number("b", -1e12, 1e12, 0.0),
            "mfactor": box.number("m", -1e12, 1e12, 1.0),
        }
        self.tables["smu.measure.limit"] = {}
        for k in (1, 2):
            path = f"smu.measure.limit.{k}"
            self.tables[path] = {
                "enable": box.flag(f"limit {k}", "smu"),
                "autoclear": box.flag(f"limit {k} clear", "smu", True),
                "audible": box.word(f"limit {k} beep", _AUDIBLE, "smu"),
                "fail": Attribute(lambda k=k: self._fail(k)),  # type: ignore[misc]
            }
            self.tables[f"{path}.high"] = {"value": box.number(f"high {k}", -1e12, 1e12, 1.0)}
            self.tables[f"{path}.low"] = {"value": box.number(f"low {k}", -1e12, 1e12, -1.0)}
            self.functions[f"{path}.clear"] = lambda: None
        self.functions["smu.reset"] = smu.reset

    def _terminals(self) -> Attribute:
        smu = self.smu

        def change(value: Any) -> None:
            front = chosen(value, _TERMINALS) == 0
            if front != smu.front:
                smu.set_output(False)
            smu.front = front

        return Attribute(lambda: named(int(not smu.front), _TERMINALS), change)

    def _fail(self, k: int) -> str:
        readings = self.box.readings.find().readings
        store = self.box.store
        if not readings or not store[f"limit {k}"]:
            return "smu.FAIL_NONE"
        value = readings[-1].value
        if value > store[f"high {k}"]:
            return "smu.FAIL_HIGH"
        return "smu.FAIL_LOW" if value < store[f"low {k}"] else "smu.FAIL_NONE"

    # -- functions -----------------------------------------------------------------------------

    def _read(self, buffer: Any = None) -> tuple[float, int, float]:
        box = self.box
        target = box.readings.find(box.buffer_name(buffer))
        if box.model_.active or target.style.startswith("WRITABLE"):
            raise Refused(*CONFLICT)
        for k in range(self.smu.count):
            if not target.put(self.smu.read(first=k == 0)):
                raise Refused(4915, "Attempting to store past capacity of reading buffer")
        last = target.readings[-1]
        return last.value, *box.moment(last.time)

    def _acquire(self) -> float:
        settings = self.smu.measures[self.smu.sense]
        settings.relative_on, before = False, settings.relative_on
        settings.relative = self.smu.read().value
        settings.relative_on = before
        return settings.relative

    def _sweep(self, name: Any, levels: list[float], more: tuple[Any, ...]) -> None:
        """Set up a sweep: delay, count, range type, fail abort, dual and buffer may follow."""
        late, times, kind, abort, dual, buffer = (*more, *[None] * 6)[:6]
        sweep = templates.Sweep(
            delay=templates.AUTO_DELAY if late is None else within(late, -1.0, 1e4),
            count=1 if times is None else _whole(times, 0, templates.MOST_COUNT),
            ranging="BEST" if kind is None else _KINDS[chosen(kind, _RANGES)],
            abort=True if abort is None else bool(chosen(abort, OFF_ON)),
            dual=False if dual is None else bool(chosen(dual, OFF_ON)),
            buffer=self.box.buffer_name(buffer),
        )
        templates.load_sweep(self.box.model_, self.smu.function, levels, sweep, text(name))

    def _sweep_log(self, name: Any, start: Any, stop: Any, points: Any, *more: Any) -> None:
        asymptote = number(more[6]) if len(more) > 6 and more[6] is not None else 0.0
        levels = logarithmic(number(start), number(stop), _whole(points), asymptote)
        self._sweep(name, levels, more[:6])

    def _sweep_list(
        self,
        name: Any,
        index: Any = 1,
        late: Any = None,
        times: Any = None,
        abort: Any = None,
        buffer: Any = None,
    ) -> None:
        sweep = templates.Sweep(
            delay=templates.AUTO_DELAY if late is None else within(late, -1.0, 1e4),
            count=1 if times is None else _whole(times, 0, templates.MOST_COUNT),
            abort=True if abort is None else bool(chosen(abort, OFF_ON)),
            buffer=self.box.buffer_name(buffer),
        )
        first = 1 if index is None else _whole(index, 1, _INDEX_MOST)
        templates.load_list(self.box.model_, text(name), first, sweep)


def _whole(value: Any, low: int = 1, high: int = _INDEX_MOST) -> int:
    return round(within(value, low, high))


def _lists(path: str, lists: ConfigLists) -> dict[str, Function]:
    """Return the functions of configuration lists."""

    def place(index: Any) -> int | None:
        return None if index is None else _whole(index)

    return {
        f"{path}.create": lambda name: lists.create(text(name)),
        f"{path}.delete": lambda name, index=None: lists.delete(text(name), place(index)),
        f"{path}.store": lambda name, index=None: lists.store(text(name), place(index)),
        f"{path}.recall": lambda name, index=None, *more: lists.recall(
            text(name), place(index) or 1
        ),
        f"{path}.size": lambda name: lists.size(text(name)),
        f"{path}.catalog": lambda: next(iter(lists.named), None),
        f"{path}.query": lambda name, index, *more: str(
            lists.named.get(text(name), [])[_whole(index) - 1 : _whole(index)]
        ),
    }
