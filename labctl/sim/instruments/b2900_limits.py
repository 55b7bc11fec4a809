"""Commands of a Keysight B2900 for calculations: ``:CALCulate[c]``.

Source: *B2900 SCPI Command Reference* (B2910-90030), chapter 4. Limit tests compare the latest
measurement; math, sorting and binning by digital lines are settings without effect.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from labctl.sim.scpi import Command, Parameter, boolean, choice, numeric

if TYPE_CHECKING:
    from labctl.sim.instruments.b2900 import B2900


def calculation_commands(box: B2900) -> Iterator[Command]:
    """Yield ``:CALCulate[c]``: null offset, math on or off, composite limit test."""
    any_number = numeric(-9.999999e20, 9.999999e20, 0.0, "")

    def store(suffixes: tuple[int, ...]) -> dict[Any, Any]:
        box.channel(suffixes[0])
        return box.calculations.setdefault(suffixes[0], {})

    def flag(header: str, key: str, default: bool) -> Command:
        def query(suffixes: tuple[int, ...]) -> str:
            return str(int(store(suffixes).get(key, default)))

        def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
            store(suffixes)[key] = boolean(value)

        return Command(header, query, write)

    def word(header: str, key: str, values: dict[str, str], default: str) -> Command:
        convert = choice(values)

        def query(suffixes: tuple[int, ...]) -> str:
            return str(store(suffixes).get(key, default))

        def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
            store(suffixes)[key] = convert(value)

        return Command(header, query, write)

    def value_(header: str, key: str, default: float) -> Command:
        def query(suffixes: tuple[int, ...]) -> str:
            return f"{store(suffixes).get((key, suffixes[1:]), default):+.8E}"

        def write(value: Parameter, suffixes: tuple[int, ...]) -> None:
            store(suffixes)[(key, suffixes[1:])] = any_number(value)

        return Command(header, query, write)

    def failed(suffixes: tuple[int, ...]) -> str:
        kept_ = store(suffixes)
        records = box.channel(suffixes[0]).records
        if not records or not kept_.get("limit", False):
            return "0"
        fed = str(kept_.get("feed", "VOLT"))
        value = {"VOLT": records[-1].voltage, "CURR": records[-1].current}.get(
            fed, records[-1].resistance
        )
        which: Any = suffixes[1:]
        low = float(kept_.get(("low", which), -1.0))
        high = float(kept_.get(("high", which), 1.0))
        return "0" if low <= value <= high else "1"

    yield flag(":CALCulate<n>:MATH:STATe", "math", False)
    yield flag(":CALCulate<n>:OFFSet:STATe", "offset on", False)
    yield value_(":CALCulate<n>:OFFSet", "offset", 0.0)
    yield flag(":CALCulate<n>:CLIMits:STATe", "composite", False)
    yield flag(":CALCulate<n>:CLIMits:CLEar:AUTO", "clear", True)
    yield word(":CALCulate<n>:CLIMits:MODE", "mode", {"SORTing": "SORT", "GRADing": "GRAD"}, "GRAD")
    yield word(":CALCulate<n>:CLIMits:UPDate", "update", {"IMMediate": "IMM", "END": "END"}, "IMM")
    yield word(
        ":CALCulate<n>:FEED",
        "feed",
        {"MATH": "MATH", "VOLTage": "VOLT", "CURRent": "CURR", "RESistance": "RES"},
        "VOLT",
    )
    yield flag(":CALCulate<n>:LIMit<n>:STATe", "limit", False)
    yield value_(":CALCulate<n>:LIMit<n>:UPPer[:DATA]", "high", 1.0)
    yield value_(":CALCulate<n>:LIMit<n>:LOWer[:DATA]", "low", -1.0)
    yield Command(":CALCulate<n>:LIMit<n>:FAIL", query=failed)
