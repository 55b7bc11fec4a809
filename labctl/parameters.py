"""Parameters of procedures: from text or JSON to checked values, and declared for forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from pymeasure.experiment.parameters import (
    BooleanParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    Parameter,
    VectorParameter,
)
from pymeasure.units import ureg

from labctl.errors import ProcedureError
from labctl.visibility import told

_UNBOUNDED = 1e9  # pymeasure's bound where none is declared
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})


class CellsParameter(Parameter):
    """A pymeasure Parameter that names cells, as :func:`labctl.cells.parse_cells` reads them.

    Takes the text of a cell expression, or pairs of row and column. Whether the chip has these
    cells is found when the procedure is checked against an array.
    """

    def convert(self, value: Any) -> str:
        """Return the cell expression as text."""
        if isinstance(value, str):
            text = value.strip()
        elif isinstance(value, Iterable):
            pairs = [tuple(pair) for pair in value]
            if any(len(pair) != 2 for pair in pairs):
                raise ValueError("cells are pairs of row and column")
            text = "; ".join(f"{int(row)},{int(column)}" for row, column in pairs)
        else:
            raise ValueError("not a cell expression")
        if not text:
            raise ValueError("no cells named; write 'all' for the whole chip")
        return text


def convert(procedure: str, name: str, parameter: Parameter, value: Any) -> Any:
    """Return ``value`` as ``parameter`` wants it.

    Text may carry a unit, with any SI prefix: ``"200 mV"`` for a parameter in V.

    Raises
    ------
    ProcedureError
        Naming procedure, parameter, value and what would be allowed.
    """
    try:
        return _converted(parameter, value)
    except (ValueError, TypeError, OverflowError) as error:
        wanted = allowed(parameter)
        reason = f"it takes {wanted}" if wanted else str(error)
        raise ProcedureError(
            f"Procedure {procedure}, parameter {name!r}: {value!r} is not possible; {reason}."
        ) from error


def allowed(parameter: Parameter) -> str:
    """Return in words what a parameter takes; empty where only its own code knows."""
    units = f" {parameter.units}" if getattr(parameter, "units", None) else ""
    if isinstance(parameter, BooleanParameter):
        return "true or false"
    if isinstance(parameter, ListParameter):
        return "one of " + ", ".join(str(choice) for choice in parameter.choices or ())
    if isinstance(parameter, IntegerParameter | FloatParameter):
        kind = "a whole number" if isinstance(parameter, IntegerParameter) else "a number"
        low, high = _bounds(parameter)
        if low is not None and high is not None:
            return f"{kind} from {_show(low)} to {_show(high)}{units}"
        if low is not None:
            return f"{kind} of at least {_show(low)}{units}"
        if high is not None:
            return f"{kind} of at most {_show(high)}{units}"
        return f"{kind}{' in' + units if units else ''}"
    if isinstance(parameter, CellsParameter):
        return "cells, such as 'all', 'row 3', '0..3,0..7' or pairs of row and column"
    return ""


def declare(
    name: str, parameter: Parameter, known: Mapping[str, Parameter] | None = None
) -> dict[str, Any]:
    """Return a parameter as JSON for forms and help.

    Parameters
    ----------
    known
        All parameters of its procedure, for those that count only with some values of others.

    Returns
    -------
    dict
        ``name``, ``label``, ``type`` (``float``, ``integer``, ``boolean``, ``choice``, ``cells``,
        ``vector`` or ``text``), ``units``, ``minimum``, ``maximum`` (None where there is none),
        ``default``, ``choices`` (None or a list), ``text``; ``visible_when`` where it counts
        only with some values of others, as :func:`labctl.visibility.told` has it.
    """
    low, high = _bounds(parameter)
    choices = parameter.choices if isinstance(parameter, ListParameter) else None
    visible = told(parameter, known or {})
    return {
        "name": name,
        "label": parameter.name,
        "type": _type(parameter),
        "units": getattr(parameter, "units", None),
        "minimum": low,
        "maximum": high,
        "default": parameter.default,
        "choices": None if choices is None else list(choices),
        "text": parameter.description or "",
        **({"visible_when": visible} if visible else {}),
    }


def _type(parameter: Parameter) -> str:
    kinds = {
        FloatParameter: "float",
        IntegerParameter: "integer",
        BooleanParameter: "boolean",
        ListParameter: "choice",
        CellsParameter: "cells",
        VectorParameter: "vector",
    }
    for kind, name in kinds.items():
        if isinstance(parameter, kind):
            return name
    return "text"


def _bounds(parameter: Parameter) -> tuple[float | None, float | None]:
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    return (
        None if low is None or low <= -_UNBOUNDED else low,
        None if high is None or high >= _UNBOUNDED else high,
    )


def _show(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _converted(parameter: Parameter, value: Any) -> Any:
    # pymeasure lets some things pass that must not: NaN, 3.7 for an integer, True for a number.
    if isinstance(parameter, IntegerParameter | FloatParameter):
        if isinstance(value, bool) or value is None:
            raise ValueError("not a number")
        number = _number(value, parameter.units) if isinstance(value, str) else float(value)
        if not isfinite(number):
            raise ValueError("not finite")
        if isinstance(parameter, IntegerParameter):
            exact = int(value) if isinstance(value, int) else int(number)
            if exact != number:
                raise ValueError("not a whole number")
            return parameter.convert(exact)
        return parameter.convert(number)
    if isinstance(parameter, BooleanParameter) and isinstance(value, str):
        word = value.strip().lower()
        if word not in _TRUE | _FALSE:
            raise ValueError("neither true nor false")
        return word in _TRUE
    if value is None:
        raise ValueError("needs a value")
    return parameter.convert(value)


def _number(text: str, units: str | None) -> float:
    """Return the number in ``text``, turned into ``units`` where it carries a unit of its own."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        quantity = ureg.Quantity(text)
        return float(quantity.to(units or "dimensionless").magnitude)
    except Exception as error:  # pint raises errors of many kinds for text it cannot read
        raise ValueError(f"{text!r} is not a number in {units or 'no unit'}") from error
