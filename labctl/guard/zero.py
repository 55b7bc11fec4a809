"""Making a bench safe from outside, by a plan: break off, zero, outputs off, relays open.

Imports nothing but pyvisa and the standard library.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pyvisa

from labctl.guard.session import Session
from labctl.guard.stages import Step, in_stages

Plan = dict[str, Any]
"""What is to be sent: plain types, so that it goes through a pipe as JSON.

``bench``
    The bench file.
``visa``
    VISA library, as pyvisa takes it.
``instruments``
    By name: ``address``, ``model``, ``timeout`` (s), ``confirm`` (query).
``stages``
    List of ``{"what": text, "clear": bool, "messages": {instrument: [message, ...]}}``, in order.
    With ``clear``, a device clear takes the place of the messages where the transport has one.
"""
PATIENCE = 0.2
"""s that one instrument may hold up the next stage of the others."""
LIMIT = 8.0
"""s after which an instrument is given up."""
_PAUSE = 0.05  # s between two attempts at an instrument that still keeps its only connection


@dataclass(frozen=True)
class Outcome:
    """What became of one instrument.

    Attributes
    ----------
    name, model, address
        As in the bench file.
    done
        What was done to it.
    faults
        What could not be done, one line each; empty where it is safe.
    """

    name: str
    model: str
    address: str
    done: list[str]
    faults: list[str]

    @property
    def safe(self) -> bool:
        """Whether the instrument has confirmed everything."""
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain types."""
        return {**asdict(self), "safe": self.safe}


def part_of(plan: Plan, names: Collection[str]) -> Plan:
    """Return the plan for some of its instruments."""
    stages = [
        stage | {"messages": {n: each for n, each in stage["messages"].items() if n in names}}
        for stage in plan["stages"]
    ]
    instruments = {n: each for n, each in plan["instruments"].items() if n in names}
    return plan | {"stages": stages, "instruments": instruments}


def sessions_of(plan: Plan) -> dict[str, Session]:
    """Return a session for each instrument of a plan; none is connected yet."""
    pyvisa.ResourceManager(plan["visa"])  # made once, before threads want it
    return {
        name: Session(plan["visa"], each["address"], each["confirm"], each["timeout"])
        for name, each in plan["instruments"].items()
    }


def hold(sessions: Mapping[str, Session]) -> dict[str, str]:
    """Connect all sessions at the same time; return why one cannot be, by instrument."""
    steps = [Step(name, "connect", session.hold) for name, session in sessions.items()]
    in_stages([steps], LIMIT, LIMIT)
    return {step.who: step.fault for step in steps if step.fault is not None}


def make_safe(
    plan: Plan, sessions: Mapping[str, Session] | None = None, limit: float = LIMIT
) -> tuple[list[Outcome], float]:
    """Carry out a plan on all instruments, whatever becomes of one of them.

    Parameters
    ----------
    plan
        What is to be sent.
    sessions
        Connections that are there already; those of a plan are made and closed where None.
    limit
        s after which an instrument is given up.

    Returns
    -------
    list of Outcome
        One for each instrument of the plan.
    float
        s it took until the last instrument that answered was safe.
    """
    began = time.monotonic()
    own = sessions is None
    lines = sessions_of(plan) if sessions is None else sessions
    ends = [began]

    def step(name: str, what: str, messages: list[str], clear: bool) -> Step:
        send = lines[name].break_off if clear else lines[name].do

        def act() -> None:
            send(messages)
            ends.append(time.monotonic())

        return Step(name, what, act)

    stages = [
        [
            step(name, stage["what"], messages, stage["clear"])
            for name, messages in stage["messages"].items()
        ]
        for stage in plan["stages"]
    ]
    steps = in_stages(stages, PATIENCE, limit)
    if own:
        in_stages([[Step(n, "close", partial(s.close)) for n, s in lines.items()]], 1.0, 1.0)
    outcomes = [
        Outcome(
            name=name,
            model=each["model"],
            address=each["address"],
            done=[s.what for s in steps if s.who == name and s.fault is None],
            faults=list(
                dict.fromkeys(f"{s.what}: {s.fault}" for s in steps if s.who == name and s.fault)
            ),
        )
        for name, each in plan["instruments"].items()
    ]
    return outcomes, max(ends) - began


def insist(
    plan: Plan,
    sessions: Mapping[str, Session],
    outcomes: list[Outcome],
    seconds: float,
    names: Collection[str],
) -> tuple[list[Outcome], float]:
    """Try again with instruments that take one connection only, until their owner's is gone.

    A program that has just died may still have it for a moment.

    Parameters
    ----------
    plan
        As for :func:`make_safe`.
    sessions
        Those it used; they are closed, and each attempt makes its own.
    outcomes, seconds
        What it gave.
    names
        Of the instruments that took no second connection.

    Returns
    -------
    list of Outcome, float
        As of :func:`make_safe`, over all attempts.
    """
    began = time.monotonic()
    found = {outcome.name: outcome for outcome in outcomes}
    while left := {n for n in names if not found[n].safe}:
        spent = time.monotonic() - began
        if spent > LIMIT:
            break
        for name in left:  # one that went unanswered would stay so, and may bar the next
            sessions[name].close()
        time.sleep(_PAUSE)
        fresh, took = make_safe(part_of(plan, left))
        found |= {outcome.name: outcome for outcome in fresh}
        if any(outcome.safe for outcome in fresh):
            seconds += spent + _PAUSE + took
    return list(found.values()), seconds
