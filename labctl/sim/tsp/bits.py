"""Bit operations of TSP (``bit.*``): bits count from 1. Source: *Series 2600B Reference Manual*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labctl.sim.tsp.host import HostFunction
from labctl.sim.tsp.values import arguments, within

WIDTH = 32
_MOST = 2**WIDTH - 1


def functions() -> dict[str, HostFunction]:
    """Return the functions of ``bit``."""
    return {
        "bitand": _of_two(lambda a, b: a & b),
        "bitor": _of_two(lambda a, b: a | b),
        "bitxor": _of_two(lambda a, b: a ^ b),
        "clear": _at_bit(lambda value, bit: value & ~(1 << bit)),
        "get": _at_bit(lambda value, bit: value & 1 << bit),
        "set": _at_bit(lambda value, bit: value | 1 << bit),
        "test": _at_bit(lambda value, bit: bool(value >> bit & 1)),
        "toggle": _at_bit(lambda value, bit: value ^ 1 << bit),
        "getfield": _get_field,
        "setfield": _set_field,
    }


def _word(value: Any) -> int:
    return int(within(value, 0, _MOST))


def _of_two(operation: Callable[[int, int], int]) -> HostFunction:
    def call(*given: Any) -> int:
        arguments(given, 2, 2)
        return operation(_word(given[0]), _word(given[1]))

    return call


def _at_bit(operation: Callable[[int, int], int | bool]) -> HostFunction:
    def call(*given: Any) -> int | bool:
        arguments(given, 2, 2)
        return operation(_word(given[0]), int(within(given[1], 1, WIDTH)) - 1)

    return call


def _field(index: Any, width: Any) -> tuple[int, int]:
    """Return the shift and the mask of a field, by its first bit (from 1) and its width."""
    shift = int(within(index, 1, WIDTH)) - 1
    return shift, (1 << int(within(width, 1, WIDTH - shift))) - 1


def _get_field(*given: Any) -> int:
    arguments(given, 3, 3)
    shift, mask = _field(given[1], given[2])
    return _word(given[0]) & mask << shift


def _set_field(*given: Any) -> int:
    arguments(given, 4, 4)
    shift, mask = _field(given[1], given[2])
    return _word(given[0]) & ~(mask << shift) | int(within(given[3], 0, mask)) << shift
