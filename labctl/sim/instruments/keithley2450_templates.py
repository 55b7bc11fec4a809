"""Trigger models that a Keithley 2450 builds by itself: templates and sweeps.

Source: *Model 2450 Reference Manual* (2450-901-01), ``:TRIGger:LOAD`` and ``:SOURce[1]:SWEep``;
the order of the blocks of a sweep is from memory.
"""

from __future__ import annotations

from dataclasses import dataclass

from labctl.sim.instruments.keithley2450_block import Block
from labctl.sim.instruments.keithley2450_buffers import DEFAULT_BUFFERS
from labctl.sim.instruments.keithley2450_lists import fit_range, there_and_back
from labctl.sim.instruments.keithley2450_trigger import SOURCE_LIMIT, TriggerModel
from labctl.sim.status import Refused

MOST_COUNT = 268_435_455
LEAST_DELAY, MOST_DELAY = 167e-9, 1e4
SWEEP_LIST = "SweepSourceList"
AUTO_DELAY = -1.0
_DEFAULT = DEFAULT_BUFFERS[0]


@dataclass(frozen=True)
class Sweep:
    """How a sweep runs, besides its levels.

    Attributes
    ----------
    delay
        s before each reading; -1: automatic.
    count
        Times it runs; 0: until it is aborted.
    ranging
        ``AUTO``, ``BEST`` or ``FIXED``.
    abort
        Whether it ends where the source is limited.
    dual
        Whether it goes back again.
    buffer
        Where the readings go.
    """

    delay: float = AUTO_DELAY
    count: int = 1
    ranging: str = "BEST"
    abort: bool = True
    dual: bool = False
    buffer: str = _DEFAULT


def load_sweep(
    model: TriggerModel, function: int, levels: list[float], sweep: Sweep, name: str = SWEEP_LIST
) -> None:
    """Make the configuration list and the blocks of a sweep of levels (V or A)."""
    smu = model.smu
    model.buffers.find(sweep.buffer)
    if function != smu.function:
        smu.set_function(function)
    fit_range(smu, function, levels, sweep.ranging)
    if sweep.dual:
        levels = there_and_back(levels)
    model.sources.fill(name, levels)
    _load_list(model, name, len(levels), sweep)


def load_list(model: TriggerModel, name: str, first: int, sweep: Sweep) -> None:
    """Make the blocks of a sweep through a source configuration list from its entry ``first``."""
    model.buffers.find(sweep.buffer)
    points = model.sources.size(name) - first + 1
    if points < 1 or first < 1:
        raise Refused(-222, "Parameter data out of range")
    _load_list(model, name, points, sweep, first)


def _load_list(model: TriggerModel, name: str, points: int, sweep: Sweep, first: int = 1) -> None:
    settings = model.smu.sources[model.smu.function]
    settings.auto_delay = sweep.delay == AUTO_DELAY
    settings.delay = 0.0
    again = 12 if sweep.count == 1 else 2
    model.load(
        Block("BUFFER_CLEAR", (sweep.buffer,)),
        Block("CONFIG_RECALL", (name, first)),
        Block("SOURCE_OUTPUT", (True,)),
        Block("BRANCH_ALWAYS", (6,)),
        Block("CONFIG_NEXT", (name,)),
        Block("DELAY_CONSTANT", (max(sweep.delay, 0.0),)),
        Block("MEASURE_DIGITIZE", (sweep.buffer,)),
        Block("BRANCH_ON_EVENT", (SOURCE_LIMIT, 12)) if sweep.abort else Block("NOP"),
        Block("BRANCH_COUNTER", (points, 5)),
        Block("RESET_BRANCH_COUNT", (9,)),
        Block("NOP") if again == 12 else Block("BRANCH_COUNTER", (sweep.count, 2)),
        Block("SOURCE_OUTPUT", (False,)),
    )


def simple_loop(
    model: TriggerModel, count: int, delay: float = 0.0, buffer: str = _DEFAULT
) -> None:
    """Load ``SimpleLoop``: so many readings."""
    model.buffers.find(buffer)
    model.load(
        Block("BUFFER_CLEAR", (buffer,)),
        Block("DELAY_CONSTANT", (delay,)),
        Block("MEASURE_DIGITIZE", (buffer,)),
        Block("BRANCH_COUNTER", (count, 2)),
    )


def duration_loop(
    model: TriggerModel, duration: float, delay: float = 0.0, buffer: str = _DEFAULT
) -> None:
    """Load ``DurationLoop``: readings for so long (s), with the output on meanwhile."""
    model.buffers.find(buffer)
    model.load(
        Block("BUFFER_CLEAR", (buffer,)),
        Block("SOURCE_OUTPUT", (True,)),
        Block("DELAY_CONSTANT", (delay,)),
        Block("MEASURE_DIGITIZE", (buffer,)),
        Block("UNTIL_TIME", (duration, 3)),
        Block("SOURCE_OUTPUT", (False,)),
    )


def config_list(
    model: TriggerModel, measures: str, sources: str, delay: float = 0.0, buffer: str = _DEFAULT
) -> None:
    """Load ``ConfigList``: one reading for each entry of the longer list."""
    model.buffers.find(buffer)
    points = max(model.measures.size(measures), model.sources.size(sources))
    if points == 0:
        raise Refused(-221, "Settings conflict")
    model.load(
        Block("BUFFER_CLEAR", (buffer,)),
        Block("CONFIG_RECALL", (sources, 1)),
        Block("CONFIG_RECALL", (measures, 1)),
        Block("SOURCE_OUTPUT", (True,)),
        Block("BRANCH_ALWAYS", (8,)),
        Block("CONFIG_NEXT", (sources,)),
        Block("CONFIG_NEXT", (measures,)),
        Block("DELAY_CONSTANT", (delay,)),
        Block("MEASURE_DIGITIZE", (buffer,)),
        Block("BRANCH_COUNTER", (points, 6)),
        Block("SOURCE_OUTPUT", (False,)),
    )


def until_event(
    model: TriggerModel, event: str, delay: float = 0.0, buffer: str = _DEFAULT
) -> None:
    """Load ``LoopUntilEvent``: readings until an event comes."""
    model.buffers.find(buffer)
    model.load(
        Block("BUFFER_CLEAR", (buffer,)),
        Block("DELAY_CONSTANT", (delay,)),
        Block("MEASURE_DIGITIZE", (buffer,)),
        Block("BRANCH_ON_EVENT", (event, 6)),
        Block("BRANCH_ALWAYS", (2,)),
        Block("NOP"),
    )


def logic_trigger(
    model: TriggerModel, line: int, count: int, delay: float = 0.0, buffer: str = _DEFAULT
) -> None:
    """Load ``LogicTrigger``: readings after each event on a digital line."""
    model.buffers.find(buffer)
    model.load(
        Block("BUFFER_CLEAR", (buffer,)),
        Block("WAIT", (f"DIGIO{line}",)),
        Block("DELAY_CONSTANT", (delay,)),
        Block("MEASURE_DIGITIZE", (buffer,)),
        Block("NOTIFY", (1,)),
        Block("BRANCH_COUNTER", (count, 2)),
    )
