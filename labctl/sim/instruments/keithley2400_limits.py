"""Null, limit tests and the digital port of a Keithley 2400 (CALCulate2, SOURce2).

Source: *2400 Series SourceMeter User's Manual*, sections 8 (relative), 12 (limit testing) and 18
(CALCulate2, SOURce2). The handshake of the handler port with a component handler is left out: no
handler stands on a simulated bench, only the patterns that it would see can be read back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from labctl.sim.instruments.keithley2400_reading import (
    COMPLIANCE,
    FAILED_LOW_BIT,
    LIMIT_RESULT,
    LIMITS,
    NULL,
    RANGE_COMPLIANCE,
    Reading,
    numbers,
    rounded,
    transfer,
)
from labctl.sim.instruments.keithley2400_settings import Settings, field_of, flag, number, setting
from labctl.sim.scpi import (
    Command,
    Parameter,
    Register,
    boolean,
    choice,
    numeric,
    whole,
)
from labctl.sim.status import Refused

TESTS = (2, 3, *range(5, 13))
"""Numbers of the tests with an upper and a lower limit."""
LIMIT_1_FAILED, PASSED = 0, 5
_LOW_BITS = {2: 1, 3: 3}
"""Bits of the measurement register."""
LARGEST = 9.999999e20
_LIMIT = numeric(-LARGEST, LARGEST, 0.0, unit="")
_FEEDS = {"CALCulate[1]": "CALC1", "VOLTage": "VOLT", "CURRent": "CURR", "RESistance": "RES"}
_SIDES = {"LOWer": -1.0, "UPPer": 1.0}


class LimitTests:
    """Tests of each reading against limits."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        measurement: Register,
        latest: Callable[[], list[Reading]],
    ) -> None:
        self._settings, self._measurement, self._latest = settings, measurement, latest
        self._failed: dict[int, bool] = {}
        self._pattern: int | None = None

    def begin(self) -> None:
        """Forget the results of the pass before, where that is automatic."""
        if self._settings().limit_clear:
            self.clear()

    def end(self) -> None:
        """Let the digital port go back to its default, where that is automatic."""
        if self._settings().port_clear:
            self._pattern = None

    def clear(self) -> None:
        """Forget the results and the pattern on the port."""
        if not self._failed and self._pattern is None:
            return
        self._failed.clear()
        self._pattern = None
        for bit in range(PASSED + 1):
            self._measurement.set(bit, False)

    def branch(self) -> int:
        """Return the location of source memory that the result leads to; 0: the next one."""
        settings = self._settings()
        side = "FAIL" if any(self._failed.values()) else "PASS"
        return settings.branches.get(side, 0)

    def test(self, reading: Reading) -> Reading:
        """Return the reading with null, limit value and the bits of its status word."""
        settings = self._settings()
        value = self._fed(reading)
        status = reading.status
        if settings.null_on:
            status |= 1 << NULL
            value = rounded(value - settings.null_offset)
        enabled = sorted(test for test, limits in settings.limits.items() if limits["STATe"])
        if enabled:
            status |= 1 << LIMITS
            for test in enabled:
                self._failed[test] = self._judge(test, status, value)
            status |= self._report(settings, enabled, value)
        return reading._replace(status=status, limit=value)

    def _fed(self, reading: Reading) -> float:
        feed = self._settings().limit_feed
        return reading.element("CALC" if feed == "CALC1" else feed)

    def _of(self, test: int) -> dict[str, Any]:
        known = self._settings().limits
        if test not in known:
            known[test] = {"STATe": False, **_SIDES, "FAIL": "IN"}
        return known[test]

    def _judge(self, test: int, status: int, value: float) -> bool:
        limits = self._of(test)
        if test == 1:
            limited = bool(status & (1 << COMPLIANCE | 1 << RANGE_COMPLIANCE))
            return limited == (limits["FAIL"] == "IN")
        return not limits["LOWer"] <= value <= limits["UPPer"]

    def _report(self, settings: Settings, enabled: list[int], value: float) -> int:
        """Set the register and the port; return the result bits of the status word."""
        failed = [test for test in enabled if self._failed[test]]
        register = self._measurement
        register.set(LIMIT_1_FAILED, 1 in failed)
        for test, bit in _LOW_BITS.items():
            low = test in failed and value < self._of(test)["LOWer"]
            register.set(bit, low)
            register.set(bit + 1, test in failed and not low)
        register.set(PASSED, not failed)
        patterns = settings.patterns
        if not failed:
            self._pattern = patterns.get("PASS", 15)
            return 0
        first = failed[0]
        side = "LOWer" if value < self._of(first)["LOWer"] else "UPPer"
        name = "1" if first == 1 else f"{first}{side}"
        self._pattern = patterns.get("FAIL" if settings.limit_mode == "SORT" else name, 15)
        result = min(first, 3) << FAILED_LOW_BIT
        return result | (first & 7) << LIMIT_RESULT

    # -- commands ------------------------------------------------------------------------------

    def commands(self) -> Iterator[Command]:
        """Yield the CALCulate2 and SOURce2 subsystems."""
        own = self._settings
        head = ":CALCulate2"
        yield field_of(own, f"{head}:FEED", "limit_feed", choice(_FEEDS))
        yield field_of(own, f"{head}:NULL:OFFSet", "null_offset", _LIMIT, number)
        yield field_of(own, f"{head}:NULL:STATe", "null_on", boolean, flag)
        yield Command(f"{head}:NULL:ACQuire", event=self._acquire)
        yield Command(f"{head}:DATA", query=lambda: self._data(self._latest()))
        yield Command(f"{head}:DATA:LATest", query=lambda: self._data(self._latest()[-1:]))
        yield from self._limit_commands(f"{head}:LIMit<n>")
        yield self._pattern_command(f"{head}:LIMit[1]:COMPliance:SOURce2", "1")
        yield self._pattern_command(f"{head}:LIMit4:SOURce2", "4")
        for side in ("PASS", "FAIL"):
            yield self._pattern_command(f"{head}:CLIMits:{side}:SOURce2", side)
            yield Command(
                f"{head}:CLIMits:{side}:SMLocation",
                partial(self._location, side),
                partial(self._set_location, side),
            )
        control = choice({"IMMediate": "IMM", "END": "END"})
        yield field_of(own, f"{head}:CLIMits:BCONtrol", "limit_control", control)
        mode = choice({"GRADing": "GRAD", "SORTing": "SORT"})
        yield field_of(own, f"{head}:CLIMits:MODE", "limit_mode", mode)
        yield Command(f"{head}:CLIMits:CLEar[:IMMediate]", event=self.clear)
        yield field_of(own, f"{head}:CLIMits:CLEar:AUTO", "limit_clear", boolean, flag)
        yield from self._port_commands()

    def _limit_commands(self, head: str) -> Iterator[Command]:
        yield Command(f"{head}:STATe", self._entry("STATe", flag), self._enter("STATe", boolean))
        yield Command(f"{head}:FAIL", query=self._result)
        for side in _SIDES:
            yield Command(
                f"{head}:{side}[:DATA]", self._entry(side, number), self._enter(side, _LIMIT)
            )
            for test in TESTS:
                header = f"{head.replace('<n>', str(test))}:{side}:SOURce2"
                yield self._pattern_command(header, f"{test}{side}")
        for test in TESTS:
            header = f"{head.replace('<n>', str(test))}:PASS:SOURce2"
            yield self._pattern_command(header, f"{test}PASS")
        fails = choice({"IN": "IN", "OUT": "OUT"})
        header = head.replace("<n>", "[1]") + ":COMPliance:FAIL"
        yield setting(
            header, fails, lambda: str(self._of(1)["FAIL"]), lambda v: self._of(1).update(FAIL=v)
        )

    def _port_commands(self) -> Iterator[Command]:
        own = self._settings
        pattern = whole(0, 15, 15)
        yield field_of(own, ":SOURce2:BSIZe", "port_bits", whole(3, 16, 3))
        yield field_of(
            own, ":SOURce2:TTL[:LEVel][:DEFault]", "port_value", pattern, self._shown, self._default
        )
        yield Command(":SOURce2:TTL:ACTual", query=self._actual)
        mode = choice({"EOTest": "EOT", "BUSY": "BUSY"})
        yield field_of(own, ":SOURce2:TTL4:MODE", "port_mode", mode)
        yield field_of(own, ":SOURce2:TTL4:BSTate", "port_busy", boolean, flag)
        yield Command(":SOURce2:CLEar[:IMMediate]", event=self._default)
        yield field_of(own, ":SOURce2:CLEar:AUTO", "port_clear", boolean, flag)
        delay = numeric(0.0, 60.0, 1e-4, unit="S")
        yield field_of(own, ":SOURce2:CLEar:AUTO:DELay", "port_delay", delay, lambda v: f"{v:.5f}")

    def _entry(self, name: str, show: Callable[[Any], str]) -> Callable[..., str]:
        def query(suffixes: tuple[int, ...]) -> str:
            return show(self._of(_test(suffixes[0], name))[name])

        return query

    def _enter(self, name: str, convert: Callable[[Parameter], Any]) -> Callable[..., None]:
        def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
            self._of(_test(suffixes[0], name))[name] = convert(value)

        return write

    def _result(self, suffixes: tuple[int, ...]) -> str:
        return flag(self._failed.get(_test(suffixes[0], "STATe"), False))

    def _pattern_command(self, header: str, name: str) -> Command:
        def write(value: int) -> None:
            self._settings().patterns[name] = value

        read = partial(self._pattern_of, name)
        return setting(header, whole(0, 15, 15), read, write, self._shown)

    def _pattern_of(self, name: str) -> int:
        return self._settings().patterns.get(name, 15)

    def _location(self, side: str) -> str:
        return str(self._settings().branches.get(side, 0) or "NEXT")

    def _set_location(self, side: str, location: Parameter) -> None:
        following = location.kind == "word" and location.value == "NEXT"
        self._settings().branches[side] = 0 if following else whole(1, 100)(location)

    def _shown(self, value: int) -> str:
        return as_format(value, self._settings().port_format)

    def _actual(self) -> str:
        default = self._settings().port_value
        return self._shown(default if self._pattern is None else self._pattern)

    def _default(self) -> None:
        self._pattern = None

    def _acquire(self) -> None:
        if not self._latest():
            raise Refused(-230, "Data corrupt or stale")
        self._settings().null_offset = self._fed(self._latest()[-1])

    def _data(self, readings: list[Reading]) -> str | bytes:
        if not readings:
            raise Refused(-230, "Data corrupt or stale")
        settings = self._settings()
        elements = ["LIMIT" if e == "CALC" else e for e in settings.calculated_elements]
        return transfer(numbers(readings, elements), settings.data, settings.border)


def as_format(value: int, form: str) -> str:
    """Return a register or a pattern as ``FORMat:SREGister`` and ``:SOURce2`` want it."""
    if form == "ASC":
        return str(value)
    digits = {"HEX": "X", "OCT": "o", "BIN": "b"}[form]
    lead = {"HEX": "#H", "OCT": "#Q", "BIN": "#B"}[form]
    return f"{lead}{value:{digits}}"


def _test(number: int, name: str) -> int:
    """Return the number of a limit test; -114 where it has no such setting."""
    if number in TESTS or (number in (1, 4) and name == "STATe"):
        return number
    raise Refused(-114, "Header suffix out of range")
