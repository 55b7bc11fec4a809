"""Math expressions of a Keithley 2400: ``((VOLT[1] - VOLT) / CURR) ^ 2`` to a function.

Source: *2400 Series SourceMeter User's Manual*, section 18, CALCulate[1] (from memory of the rules
of ``<form>``), and the errors +811 to +821 of appendix B.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from labctl.sim.instruments.keithley2400_reading import OVERFLOWED, Reading
from labctl.sim.status import Refused

MOST_VECTOR = 2500
DEEPEST = 12
"""Brackets within brackets."""
LONGEST = 256
_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z]+)|(.))")
_HANDLES = {"VOLT": 0, "VOLTAGE": 0, "CURR": 1, "CURRENT": 1, "RES": 2, "RESISTANCE": 2, "TIME": 3}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "LOG": math.log10, "LN": math.log, "EXP": math.exp, "SIN": math.sin, "COS": math.cos,
    "TAN": math.tan, "ABS": abs, "SQRT": math.sqrt,
}  # fmt: skip
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": lambda a, b: float(a**b),
}
_BINDING = (("+", "-"), ("*", "/"), ("^",))
Evaluate = Callable[[Sequence[Reading]], float]


class Expression:
    """A formula of readings.

    Attributes
    ----------
    text
        As it was given, without the outer parentheses.
    length
        How many readings in a row it needs (1 + the largest index).

    Raises
    ------
    Refused
        What is wrong with the text: +811, +812, +813, +815 to +817, +821.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.length = 1
        if len(text) > LONGEST:
            raise Refused(816, "Entire expression not parsed")
        self._tokens = [found.groups() for found in _TOKEN.finditer(text.rstrip())]
        self._at = self._depth = 0
        self._evaluate = self._level(0)
        if self._at < len(self._tokens):
            sign = self._tokens[self._at][2]
            raise (
                Refused(812, "Mismatched parenthesis")
                if sign == ")"
                else Refused(816, "Entire expression not parsed")
            )

    def value(self, readings: Sequence[Reading]) -> float:
        """Return the result for ``length`` readings; 9.9e37 where it is not defined."""
        try:
            result = self._evaluate(readings)
        except (ArithmeticError, ValueError, TypeError):
            return OVERFLOWED
        return result if abs(result) < OVERFLOWED else OVERFLOWED

    def _next(self) -> str:
        return next((part for part in self._tokens[self._at] if part), "") if self._more() else ""

    def _more(self) -> bool:
        return self._at < len(self._tokens)

    def _level(self, level: int) -> Evaluate:
        if level == len(_BINDING):
            return self._atom()
        left = self._level(level + 1)
        while self._more() and self._tokens[self._at][2] in _BINDING[level]:
            operation = _OPERATIONS[self._tokens[self._at][2]]
            self._at += 1
            left = _combined(operation, left, self._level(level + 1))
        return left

    def _atom(self) -> Evaluate:
        self._depth += 1
        try:
            if not self._more() or self._depth > DEEPEST:
                code = 811 if not self._more() else 815
                text = "Not an operator or number" if code == 811 else "Too many parenthesis"
                raise Refused(code, text)
            literal, word, sign = self._tokens[self._at]
            self._at += 1
            if literal:
                number = float(literal)
                return lambda readings: number
            if word:
                return self._word(word.upper())
            if sign == "-":
                inner = self._atom()
                return lambda readings: -inner(readings)
            if sign == "(":
                inside = self._level(0)
                self._expect(")", 812, "Mismatched parenthesis")
                return inside
            raise Refused(811, "Not an operator or number")
        finally:
            self._depth -= 1

    def _word(self, word: str) -> Evaluate:
        function = _FUNCTIONS.get(word)
        if function is not None:
            argument = self._atom()
            return lambda readings: function(argument(readings))
        if word not in _HANDLES:
            raise Refused(817, "Unknown token")
        column, place = _HANDLES[word], 0
        if self._next() == "[":
            self._at += 1
            index = self._next()
            if not (index.isascii() and index.isdigit() and int(index) < MOST_VECTOR):
                raise Refused(821, "Invalid data handle index")
            self._at += 1
            self._expect("]", 814, "Mismatched brackets")
            place = int(index)
            self.length = max(self.length, place + 1)
        return lambda readings: float(readings[place][column])

    def _expect(self, sign: str, code: int, text: str) -> None:
        if self._next() != sign:
            raise Refused(code, text)
        self._at += 1


def _combined(
    operation: Callable[[float, float], float], left: Evaluate, right: Evaluate
) -> Evaluate:
    return lambda readings: operation(left(readings), right(readings))
