"""One entry of an instrument's table of commands."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

MOST_PARAMETERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Later:
    """What a command function returns that has to wait until pending operations are over.

    Attributes
    ----------
    answer
        Asked then; returns the answer of the query, or None.
    """

    answer: Callable[[], str | bytes | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A header in SCPI's own notation and the functions behind it.

    Attributes
    ----------
    header
        Capitals are the short form, brackets enclose what may be left out, ``[1]`` is a suffix
        that may be left out, ``<n>`` any suffix:
        ``"[:SOURce[1]]:VOLTage[:LEVel][:IMMediate][:AMPLitude]"``, ``":CALC2:LIMit<n>:UPPer"``.
        The values of all ``<n>`` go to the functions as keyword ``suffixes`` (1 where left out).
    query
        Takes the parameters of the query form; returns the answer without terminator, or None for
        no answer.
    write, event
        Take the parameters of the other form; ``event`` says that there is nothing to query.
    urgent
        Whether it is done at once even while a message before it waits for something.

    A function raises :class:`labctl.sim.status.Refused` for what the instrument does not take. How
    many parameters it takes is read from its signature: too few give -109, too many -108.
    """

    header: str
    query: Callable[..., Any] | None = None
    write: Callable[..., Any] | None = None
    event: Callable[..., Any] | None = None
    urgent: bool = False


def parameter_counts(function: Callable[..., Any]) -> tuple[int, int]:
    """Return the least and the most parameters that a command function takes."""
    least = most = 0
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a built-in method without one, such as dict.clear
        return 0, 0
    for parameter in parameters:
        if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
            most = MOST_PARAMETERS
        elif parameter.kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        ):
            if parameter.name == "suffixes":
                continue
            most += 1
            least += parameter.default is inspect.Parameter.empty
    return least, most
