"""The trigger model of a Keithley 2450: a program of blocks.

Source: *Model 2450 Reference Manual* (2450-901-01), section 3 (trigger model) and
``:TRIGger:BLOCk``. Of the events only a command (``*TRG``), notify blocks and timers come about
here; a model that waits for another one waits until it is aborted.
"""

from __future__ import annotations

from collections.abc import Callable

from labctl.sim.instruments.keithley2450_block import Block, Timer
from labctl.sim.instruments.keithley2450_buffers import Buffers
from labctl.sim.instruments.keithley2450_lists import ConfigLists
from labctl.sim.instruments.keithley2450_maps import ABORTED as ABORTED_EVENT
from labctl.sim.instruments.keithley2450_maps import COMPLETED, STARTED
from labctl.sim.instruments.keithley2450_maps import FAILED as FAILED_EVENT
from labctl.sim.instruments.keithley2450_smu import Smu2450
from labctl.sim.status import Refused

MOST_BLOCKS = 255
MOST_STEPS = 1_000_000
MOST_STEPS_MORE = 30
"""Blocks done at first, and at each further message of a model that had not ended by then."""
BLOCK_TIME = 1e-6
"""Bench time of a block besides what it does, s (order of magnitude)."""
IDLE, RUNNING, WAITING, EMPTY, ABORTED, FAILED = (
    "IDLE", "RUNNING", "WAITING", "EMPTY", "ABORTED", "FAILED",
)  # fmt: skip
COMMAND = "COMMAND"
MOST_READINGS = 300_000
"""Readings of one measure block."""
SOURCE_LIMIT = "SOURCE_LIMIT"
_ILLEGAL = (-224, "Illegal parameter value")


class TriggerModel:
    """Blocks, and where the model stands."""

    def __init__(
        self, smu: Smu2450, buffers: Buffers, sources: ConfigLists, measures: ConfigLists
    ) -> None:
        self.smu, self.buffers = smu, buffers
        self.sources, self.measures = sources, measures
        self.timers = [Timer() for _ in range(4)]
        self.log: Callable[[str, str], None] = lambda kind, message: None
        """Called with severity (``INFO``, ``WARN``, ``ERROR``) and text of a log block."""
        self.told: Callable[[int], None] = lambda event: None
        """Called with the number of an event: started, ended, aborted, failed."""
        self.blocks: dict[int, Block] = {}
        self.state = EMPTY
        self.place = 0
        self._counts: dict[int, int] = {}
        self._events: set[str] = set()
        self._fresh = False  # started, and not run yet
        self._ends = 0.0  # bench time at which a duration loop ends
        self._kinds: dict[str, Callable[..., int | None]] = {
            "BUFFER_CLEAR": self._clear,
            "MEASURE_DIGITIZE": self._measure,
            "DELAY_CONSTANT": self._delay,
            "DELAY_DYNAMIC": self._user_delay,
            "BRANCH_COUNTER": self._branch_counter,
            "BRANCH_ALWAYS": lambda target: target,
            "BRANCH_ONCE": self._branch_once,
            "BRANCH_ONCE_EXCLUDED": self._branch_once_excluded,
            "BRANCH_ON_EVENT": self._branch_on_event,
            "BRANCH_LIMIT_CONSTANT": self._branch_limit,
            "BRANCH_DELTA": self._branch_delta,
            "RESET_BRANCH_COUNT": self._reset_count,
            "CONFIG_NEXT": self._config(1),
            "CONFIG_PREV": self._config(-1),
            "CONFIG_RECALL": self._recall,
            "SOURCE_OUTPUT": lambda on: self.smu.set_output(on),
            "LOG_EVENT": self._log_event,
            "NOTIFY": lambda number: self._events.add(f"NOTIFY{number}"),
            "WAIT": self._wait,
            "NOP": lambda: None,
            "DIGITAL_IO": lambda *values: None,
            "UNTIL_TIME": self._until,
        }

    # -- building ------------------------------------------------------------------------------

    def load(self, *blocks: Block) -> None:
        """Replace the whole model."""
        self._not_running()
        self.blocks = dict(enumerate(blocks, 1))
        self.state = IDLE if blocks else EMPTY
        self.place = 0

    def set_block(self, number: int, block: Block) -> None:
        """Define one block; up to it, missing ones do nothing."""
        self._not_running()
        if not 1 <= number <= MOST_BLOCKS:
            raise Refused(-222, "Parameter data out of range")
        for missing in range(len(self.blocks) + 1, number):
            self.blocks[missing] = Block("NOP")
        self.blocks[number] = block
        self.state = IDLE

    def listing(self) -> str:
        """Return the blocks, one a line, as ``:TRIGger:BLOCk:LIST?`` does."""
        if not self.blocks:
            return "EMPTY"
        return "\n".join(f"{k}) {block}" for k, block in self.blocks.items())

    def count(self, number: int) -> int:
        """Return how often a counter block was passed."""
        if number not in self.blocks or self.blocks[number].kind != "BRANCH_COUNTER":
            raise Refused(*_ILLEGAL)
        return self._counts.get(number, 0)

    # -- running -------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """Whether the model runs or waits for an event."""
        return self.state in (RUNNING, WAITING)

    def start(self) -> None:
        """Start at the first block; -213 where it runs already, -221 where there is none."""
        if self.active:
            raise Refused(-213, "Init ignored")
        if not self.blocks:
            raise Refused(-221, "Settings conflict")
        self.state, self.place = RUNNING, 1
        self._counts.clear()
        self._events.clear()
        self._ends = -1.0
        self._fresh = True
        self.told(STARTED)

    def abort(self) -> None:
        """Stop where it stands; the output stays as it is."""
        if self.active:
            self.state = ABORTED
            self.told(ABORTED_EVENT)

    def event(self, name: str) -> None:
        """Let an event come about, and run on where the model waits for it."""
        self._events.add(name)
        if self.state == WAITING:
            self.state = RUNNING
            self.run()

    def run(self) -> None:
        """Do blocks until the model ends, waits or has done many."""
        steps, clock = 0, self.smu.clock
        most = MOST_STEPS if self._fresh and not self._endless() else MOST_STEPS_MORE
        self._fresh = False
        while self.state == RUNNING and steps < most:
            block = self.blocks[self.place]
            steps += 1
            clock.sleep(BLOCK_TIME)
            try:
                target = self._kinds[block.kind](*block.values)
            except Refused:
                self.state = FAILED
                self.told(FAILED_EVENT)
                raise
            if self.state != RUNNING:
                break
            following = self.place + 1 if target is None else target
            if following not in self.blocks:
                self.state = IDLE
                self.told(COMPLETED)
            else:
                self.place = following

    def _endless(self) -> bool:
        """Tell whether the blocks lead back without counting."""
        return any(
            (block.kind == "BRANCH_COUNTER" and block.values[0] == 0)
            or (block.kind == "BRANCH_ALWAYS" and block.values[0] <= place)
            for place, block in self.blocks.items()
        )

    def _not_running(self) -> None:
        if self.active:
            raise Refused(-221, "Settings conflict")

    # -- blocks --------------------------------------------------------------------------------

    def _clear(self, name: str) -> None:
        self.buffers.find(name).clear()

    def _measure(self, name: str, count: int = 1) -> None:
        buffer = self.buffers.find(name)
        for k in range(count):
            if not buffer.put(self.smu.read(first=k == 0)):
                break  # event 4915: attempting to store past capacity

    def _delay(self, seconds: float) -> None:
        self.smu.clock.sleep(seconds)

    def _user_delay(self, source: bool, number: int) -> None:
        smu = self.smu
        delays = (
            smu.sources[smu.function].user_delays if source else smu.measures[smu.sense].user_delays
        )
        smu.clock.sleep(delays[number - 1])

    def _branch_counter(self, count: int, target: int) -> int | None:
        passed = self._counts[self.place] = self._counts.get(self.place, 0) + 1
        return target if count == 0 or passed < count else None

    def _reset_count(self, number: int) -> None:
        self._counts[number] = 0

    def _branch_once(self, target: int) -> int | None:
        passed = self._counts[self.place] = self._counts.get(self.place, 0) + 1
        return target if passed == 1 else None

    def _branch_once_excluded(self, target: int) -> int | None:
        passed = self._counts[self.place] = self._counts.get(self.place, 0) + 1
        return target if passed > 1 else None

    def _branch_on_event(self, event: str, target: int) -> int | None:
        return target if self._happened(event) else None

    def _branch_limit(self, kind: str, low: float, high: float, target: int) -> int | None:
        value = self._last(1)[0]
        inside = {
            "ABOVE": value > high,
            "BELOW": value < low,
            "INSIDE": low <= value <= high,
            "OUTSIDE": not low <= value <= high,
        }
        return target if inside[kind] else None

    def _branch_delta(self, change: float, target: int) -> int | None:
        values = self._last(2)
        return target if len(values) == 2 and values[0] - values[1] <= change else None

    def _last(self, count: int) -> list[float]:
        name = next(
            (b.values[0] for b in self.blocks.values() if b.kind == "MEASURE_DIGITIZE"), None
        )
        readings = self.buffers.find(name).readings if name else ()
        if not readings:
            raise Refused(-230, "Data corrupt or stale")
        return [reading.value for reading in list(readings)[-count:]]

    def _config(self, by: int) -> Callable[[str], None]:
        def step(name: str) -> None:
            (self.sources if name in self.sources.named else self.measures).step(name, by)

        return step

    def _recall(self, name: str, index: int = 1) -> None:
        (self.sources if name in self.sources.named else self.measures).recall(name, index)

    def _log_event(self, kind: str, message: str) -> None:
        if kind.endswith("_ABORT"):
            self.state = ABORTED
        self.log(kind, message)

    def _wait(self, *events: str) -> None:
        for event in events:
            if self._happened(event):
                return
        self.state = WAITING

    def _happened(self, event: str) -> bool:
        """Tell whether an event has come, and forget it; a timer is waited for."""
        if event == SOURCE_LIMIT:
            return self.smu.channel.compliance
        if event.startswith("TIMER"):
            timer = self.timers[int(event[5:]) - 1]
            if not timer.enabled:
                return False
            now = self.smu.clock.now()
            self.smu.clock.sleep(max(timer.due - now, 0.0))
            timer.due = max(timer.due, now) + timer.delay
            return True
        if event in self._events:
            self._events.discard(event)
            return True
        return False

    def _until(self, seconds: float, target: int) -> int | None:
        now = self.smu.clock.now()
        if self._ends < 0.0:
            self._ends = now + seconds
        return target if now < self._ends else None
