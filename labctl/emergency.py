"""``labctl bench off`` and ``labctl bench acknowledge``: a bench made safe past whoever has it.

Nothing here asks for the right to the bench (labctl.rendezvous), nor for the session of a program
that hangs: second sessions on all instruments do the work.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labctl import clock, plugins
from labctl.benchfile import load_bench_file
from labctl.engine.client import EngineClient
from labctl.errors import EngineError, LabctlError
from labctl.guard import read_plan
from labctl.guard.latch import ACKNOWLEDGE, read_latch, release_latch, set_latch
from labctl.guard.zero import Outcome, Plan, make_safe
from labctl.rendezvous import ENGINE, Rendezvous, latch_file, who_has
from labctl.safeplan import safe_plan

Say = Callable[[str], object]
"""Prints one line."""


def switch_off(bench_file: Path, say: Say) -> bool:
    """Make everything on a bench safe and latch it, one line for each instrument.

    Parameters
    ----------
    bench_file
        The bench; it may be open in another program, and that program may hang.
    say
        Takes the lines.

    Returns
    -------
    bool
        Whether every instrument confirmed that it is safe.

    Raises
    ------
    BenchFileError
        Where the bench file is not good, and nobody has the bench open.
    LabctlError
        Where a simulated bench is inside another program, where nobody else reaches it.
    """
    owner = who_has(bench_file)
    plan = _plan(bench_file, owner)
    if clock.is_simulated(plan["visa"]):
        return _switch_simulated_off(bench_file, owner, say)
    latch = latch_file(bench_file)
    reason = f"`labctl bench off` by {_user()}, process {os.getpid()}"
    # First of all: a program that wakes up now must find that it may not go on.
    _latch(latch, say, reason, bench=plan["bench"], by="bench off")
    outcomes, seconds = make_safe(plan)
    safe = all(outcome.safe for outcome in outcomes)
    for outcome in outcomes:
        say(_line(outcome))
    state = "everything is safe" if safe else "not everything could be made safe"
    _latch(
        latch,
        say,
        f"{reason}; {state}",
        bench=plan["bench"],
        by="bench off",
        seconds=seconds,
        safe=safe,
        instruments=[outcome.as_json() for outcome in outcomes],
    )
    if safe:
        say(f"Outputs are at zero and off, relays open, after {seconds:.2f} s.")
    else:
        say("NOT everything is safe: switch those instruments off at their front panels.")
    if owner is not None:
        say(f"Process {owner.pid}, {owner.role}, still has the bench open; it cannot drive it.")
    say(f"The bench is latched. {ACKNOWLEDGE}")
    return safe


def acknowledge(bench_file: Path, say: Say) -> None:
    """Release the latch of a bench, and say what it was latched for."""
    latch, owner = latch_file(bench_file), who_has(bench_file)
    record = read_latch(latch)
    told = False
    if owner is not None and owner.role == ENGINE:
        try:
            with EngineClient.connect(bench_file) as engine:
                engine.acknowledge()
            told = True
        except EngineError as error:
            say(f"The engine (process {owner.pid}) could not be told: {error}")
    release_latch(latch)
    if record is not None:
        say(f"Was latched since {record.get('time')}: {record.get('reason')}.")
    elif not told:
        say("The bench was not latched.")
        return
    say("Acknowledged; the bench may be opened and driven again.")


def _latch(latch: Path, say: Say, reason: str, **more: Any) -> None:
    """Latch the bench as far as the disk lets us: the outputs must go off in any case."""
    try:
        set_latch(latch, reason, **more)
    except OSError as error:
        say(f"The bench could not be latched ({error}); end the programs that use it.")


def _plan(bench_file: Path, owner: Rendezvous | None) -> Plan:
    """Return what makes the bench safe: as it was opened, where somebody has it open.

    The file may have been edited since, or be in the middle of it.
    """
    if owner is not None:
        plan = read_plan(latch_file(bench_file))
        if plan is not None:
            return plan
    plugins.add_workspace(bench_file.resolve().parent)
    return safe_plan(load_bench_file(bench_file))


def _switch_simulated_off(bench_file: Path, owner: Rendezvous | None, say: Say) -> bool:
    """A simulated bench is a part of the program that has it open: only that one reaches it."""
    if owner is None:
        say("Nobody has this simulated bench open: it has no instruments outside a program.")
        return True
    if owner.role != ENGINE:
        raise LabctlError(
            f"This simulated bench is inside process {owner.pid}, {owner.role}, and ends with it. "
            "Ctrl-C there leaves outputs at zero."
        )
    with EngineClient.connect(bench_file) as engine:
        engine.stop()
    say(f"The engine (process {owner.pid}) has stopped: outputs at zero, relays open, latched.")
    return True


def _line(outcome: Outcome) -> str:
    where = f"{outcome.name} ({outcome.model} at {outcome.address})"
    if outcome.safe:
        return f"{where}: safe: {', '.join(outcome.done)}"
    return f"{where}: NOT SAFE: {'; '.join(outcome.faults)}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name
        return "somebody"
