"""Parameters that count only where others have certain values: pymeasure's groups.

A procedure writes them as pymeasure has them: ``group_by`` names other parameters and
``group_condition`` what they must be, a value or a function of it. :class:`Between` is such a
function that forms and schemas can be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymeasure.experiment.parameters import (
    BooleanParameter,
    IntegerParameter,
    ListParameter,
    Parameter,
)

_FEW = 1000
"""Values of a whole number that a condition is tried with, at most."""


class Between:
    """A condition: a number from ``low`` to ``high``, None where there is no end.

    Examples
    --------
    >>> FloatParameter("Dwell", group_by="repeats", group_condition=Between(2))  # doctest: +SKIP
    """

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low, self.high = low, high

    def __call__(self, value: Any) -> bool:
        """Tell whether ``value`` lies between."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


def counts(parameter: Parameter, known: Mapping[str, Parameter], values: Mapping[str, Any]) -> bool:
    """Tell whether a parameter counts where the others have ``values``.

    Parameters
    ----------
    parameter
        The one in question.
    known
        All parameters by name. Conditions on others than these are let be, as pymeasure does.
    values
        Of all parameters.
    """
    return not unmet(parameter, known, values)


def unmet(
    parameter: Parameter, known: Mapping[str, Parameter], values: Mapping[str, Any]
) -> list[str]:
    """Return the names of the parameters for whose values it does not count."""
    return [
        name
        for name, condition in parameter.group_by.items()
        if name in known and not _holds(known[name], condition, values[name])
    ]


def told(parameter: Parameter, known: Mapping[str, Parameter]) -> dict[str, dict[str, Any]]:
    """Return when a parameter counts, as JSON.

    Returns
    -------
    dict
        Name of another parameter -> ``{"in": [values]}`` or ``{"minimum": ..., "maximum": ...}``;
        all must hold. A function of a number that is no :class:`Between` cannot be told and is
        left out: forms show the parameter always.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, condition in parameter.group_by.items():
        if name not in known:
            continue
        if isinstance(condition, Between):
            ends = {"minimum": condition.low, "maximum": condition.high}
            found[name] = {key: end for key, end in ends.items() if end is not None}
        elif (values := _tried(known[name], condition)) is not None:
            found[name] = {"in": values}
    return found


def in_words(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    """Return conditions, as :func:`told` makes them, for people.

    Examples
    --------
    >>> in_words({"mode": {"in": ["up", "down"]}, "repeats": {"minimum": 2}})
    'mode is up or down, and repeats is at least 2'
    """
    parts = []
    for name, condition in conditions.items():
        if "in" in condition:
            values = [str(v).lower() if isinstance(v, bool) else str(v) for v in condition["in"]]
            parts.append(f"{name} is {' or '.join(values) or 'something else'}")
            continue
        ends = [
            f"{words} {condition[key]:g}"
            for key, words in (("minimum", "at least"), ("maximum", "at most"))
            if key in condition
        ]
        parts.append(f"{name} is {' and '.join(ends)}")
    return ", and ".join(parts)


def _holds(parameter: Parameter, condition: Any, value: Any) -> bool:
    if callable(condition):
        return bool(condition(value))
    if isinstance(parameter, BooleanParameter):
        condition = bool(condition)
    return bool(value == condition)


def _tried(parameter: Parameter, condition: Any) -> list[Any] | None:
    """Return the values for which a condition holds; None where there are too many to try."""
    if not callable(condition):
        return [bool(condition) if isinstance(parameter, BooleanParameter) else condition]
    candidates: list[Any]
    if isinstance(parameter, BooleanParameter):
        candidates = [False, True]
    elif isinstance(parameter, ListParameter):
        candidates = list(parameter.choices or ())
    elif isinstance(parameter, IntegerParameter) and parameter.maximum - parameter.minimum < _FEW:
        candidates = list(range(int(parameter.minimum), int(parameter.maximum) + 1))
    else:
        return None
    return [value for value in candidates if condition(value)]
