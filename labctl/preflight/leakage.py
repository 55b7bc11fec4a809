"""Small currents: of open rows, and of each pad while all others are on ground."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from labctl.instruments import Flag
from labctl.preflight.finding import Finding, Outcome
from labctl.preflight.probing import TEST_VOLTAGE, Probing
from labctl.quantity import show

ROWS = "leakage of open rows"
PADS = "leakage of pads"
CONTACT = "contact"
CONTACT_CURRENT = 1e-10
"""A that tell a cell at 0.1 V from nothing, even one that was never formed."""


def rows(probing: Probing, bound: float) -> Iterator[Finding]:
    """Measure each source with every relay open; more than ``bound`` (A) is a fault."""
    probing.connect(())
    for name, terminal in probing.terminals.items():
        reading = probing.measure(name)
        leaks = bool(reading.flag) or abs(reading.current) > bound
        yield Finding(
            ROWS,
            name,
            Outcome.FAIL if leaks else Outcome.PASS,
            f"{_shown(reading.current, reading.flag, probing.compliance[name])} at "
            f"{TEST_VOLTAGE} V, bound {show(bound, 'A')}",
            f"Take the cable off row {terminal.table.row} of the matrix: if it still leaks, it is "
            "the cable or the source meter, else the matrix."
            if leaks
            else "",
        )


def pads(
    probing: Probing, faulty: set[str], bound: float, progress: Callable[[int], None]
) -> Iterator[Finding]:
    """Measure each pad on its own source, all the others on ground.

    What leaks is a broken gate oxide, two needles that touch, a damp probe card: the cells
    themselves are off, as all gates are at 0.1 V or below.
    """
    sound = [pad for pad in probing.pads if pad not in faulty]
    most, worst, leaking = 0.0, "", 0
    for done, pad in enumerate(sound):
        progress(done)
        name = probing.own(pad)
        others = [other for other in sound if other != pad]
        probing.connect(probing.on(name, [pad]) | probing.grounded(others))
        reading = probing.measure(name)
        if not reading.flag and abs(reading.current) <= bound:
            if abs(reading.current) >= most:
                most, worst = abs(reading.current), pad
            continue
        leaking += 1
        limit = probing.compliance[name]
        yield Finding(
            PADS,
            f"pad {pad}",
            Outcome.FAIL,
            f"{_shown(reading.current, reading.flag, limit)} at {TEST_VOLTAGE} V with all other "
            f"pads on ground, bound {show(bound, 'A')}",
            "Look for needles that touch or a dirty probe card; a word line that leaks has a "
            "broken gate: leave it out.",
        )
    for pad in probing.pads:
        if pad in faulty:
            yield Finding(PADS, f"pad {pad}", Outcome.SKIPPED, "its relays are faulty")
    if worst:
        good = len(sound) - leaking
        yield Finding(
            PADS,
            f"{good} of {len(probing.pads)} pads",
            Outcome.PASS,
            f"at most {show(most, 'A')} ({worst}) at {TEST_VOLTAGE} V, bound {show(bound, 'A')}",
        )


def through_cells(
    probing: Probing, faulty: set[str], progress: Callable[[int], None]
) -> Iterator[Finding]:
    """Tell the contact of each pad of a passive array by the current of all cells on its line."""
    for done, pad in enumerate(probing.pads):
        progress(done)
        if pad in faulty:
            yield Finding(CONTACT, f"pad {pad}", Outcome.SKIPPED, "its relays are faulty")
            continue
        name = probing.own(pad)
        others = [other for other in probing.pads if other not in {pad, *faulty}]
        probing.connect(probing.on(name, [pad]) | probing.grounded(others))
        reading = probing.measure(name)
        shown = _shown(reading.current, reading.flag, probing.compliance[name])
        seen = f"its cells carry {shown} at {TEST_VOLTAGE} V"
        if reading.flag or abs(reading.current) > CONTACT_CURRENT:
            yield Finding(CONTACT, f"pad {pad}", Outcome.PASS, seen)
        else:
            cure = "Form a cell on this line; look at the pad under the microscope."
            yield Finding(CONTACT, f"pad {pad}", Outcome.UNDECIDED, seen, cure)


def _shown(current: float, flag: Flag, limit: float) -> str:
    return f"limited at {show(limit, 'A')}" if flag else show(current, "A")
