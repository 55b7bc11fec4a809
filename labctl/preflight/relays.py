"""Relays that do not open, and relays that do not close, found without a cell.

A closed relay is metal: two of them on one column carry the whole compliance current at 0.1 V,
which nothing on a chip does. Ground is the other end, so that no pad leaves 0 V while current
flows, and no two source meters meet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from labctl.preflight.finding import Finding, Outcome
from labctl.preflight.probing import Probing

WELDED = "relays open"
BROKEN = "relays close"


def welded(probing: Probing, faulty: set[str]) -> Iterator[Finding]:
    """Find the relays that conduct although they are open; add their pads to ``faulty``.

    First all pads are on ground and no source is on any: a source that conducts has a welded
    relay. Then all pads are on their own sources, all of them at 0.1 V so that no cell has a
    voltage, and none is on ground: a welded relay of the ground row conducts. The pad is found by
    halving; the cells of a passive array conduct too, and there only the row is told.
    """
    for name, terminal in probing.terminals.items():

        def on_ground(pads: Sequence[str], name: str = name) -> bool:
            probing.connect(probing.grounded(pads))
            return probing.conducts(name)

        found = _find(probing, probing.pads, on_ground)
        faulty.update(found)
        yield from _report(probing, terminal.table.row, found, name)
    sound = [pad for pad in probing.pads if pad not in faulty]
    stuck: list[str] = []
    for name in probing.terminals:
        own = [pad for pad in sound if probing.own(pad) == name]
        others = {other for other in map(probing.own, sound) if other != name}

        def ungrounded(pads: Sequence[str], name: str = name, others: set[str] = others) -> bool:
            rest = (pad for pad in sound if probing.own(pad) != name)
            points = (probing.on(probing.own(pad), [pad]) for pad in rest)
            probing.connect(probing.on(name, pads).union(*points))
            with probing.held(others):
                return probing.conducts(name)

        stuck += _find(probing, own, ungrounded)
    faulty.update(stuck)
    yield from _report(probing, probing.file.matrix.ground, stuck, "ground")


def _find(
    probing: Probing, pads: Sequence[str], conducts: Callable[[Sequence[str]], bool]
) -> list[str]:
    """Return the pads that conduct; all of them where it cannot be told which."""
    if probing.transistors:
        return find(pads, conducts)
    return list(pads) if pads and conducts(pads) else []


def _report(probing: Probing, row: str, found: Sequence[str], terminal: str) -> Iterator[Finding]:
    if not found:
        yield Finding(
            WELDED,
            f"row {row} ({terminal})",
            Outcome.PASS,
            f"none of {len(probing.pads)} relays conducts when open",
        )
    if found and not probing.transistors:
        yield Finding(
            WELDED,
            f"row {row} ({terminal})",
            Outcome.FAIL,
            f"one of its relays conducts although it is open: {probing.point(row, found[0])} to "
            f"{probing.point(row, found[-1])} (which one cannot be told through bare cells)",
            "Take the chip off and check again; then replace the relay or its card.",
        )
        return
    for pad in found:
        point = probing.point(row, pad)
        yield Finding(
            WELDED,
            f"crosspoint {point}",
            Outcome.FAIL,
            f"conducts although it is open: {terminal} stays on pad {pad} (welded relay)",
            f"Replace the relay or its card, or wire pad {pad} to another column.",
        )


def find(pads: Sequence[str], conducts: Callable[[Sequence[str]], bool]) -> list[str]:
    """Return the pads that conduct, by halving; one test where none does."""
    if not pads or not conducts(pads):
        return []
    if len(pads) == 1:
        return list(pads)
    half = len(pads) // 2
    return find(pads[:half], conducts) + find(pads[half:], conducts)


def broken(
    probing: Probing, faulty: set[str], progress: Callable[[int], None]
) -> Iterator[Finding]:
    """Find the relays that do not conduct although they are closed.

    Every crosspoint that cells need forms, with the ground relay of the same pad, a loop through
    two relays and nothing else. Where it carries nothing, a second source tells which is open.
    """
    closing = [
        (name, pad)
        for name in probing.terminals
        for pad in probing.pads
        if probing.on(name, [pad]).isdisjoint(probing.wiring.forbidden)
    ]
    good = 0
    tested: Counter[str] = Counter()
    open_pads: dict[tuple[str, str], list[str]] = {}  # by row and what is on it
    for done, (name, pad) in enumerate(closing):
        progress(done)
        if pad in faulty:
            yield Finding(BROKEN, f"pad {pad}", Outcome.SKIPPED, "a relay of this pad is faulty")
            continue
        tested.update((name, "ground"))
        probing.connect(probing.on(name, [pad]) | probing.grounded([pad]))
        if probing.conducts(name):
            good += 1
            continue
        for row, terminal in _open_of(probing, name, pad):
            open_pads.setdefault((row, terminal), []).append(pad)
            if probing.point(row, pad) not in probing.wiring.forbidden:
                faulty.add(pad)
    for (row, terminal), pads in open_pads.items():
        if len(pads) > 1 and len(pads) == tested[terminal]:
            yield _row_open(probing, row, terminal)
            continue
        for pad in pads:
            yield _broken(probing, row, terminal, pad)
    if good:
        yield Finding(
            BROKEN, f"{good} of {len(closing)} crosspoints", Outcome.PASS, "conduct when closed"
        )


def _open_of(probing: Probing, name: str, pad: str) -> list[tuple[str, str]]:
    """Return row and terminal of the open relays of a pad whose loop carries nothing."""
    ground = (probing.file.matrix.ground, "ground")
    mine = (probing.terminals[name].table.row, name)
    for other in probing.terminals:
        if other == name:
            continue
        probing.connect(probing.on(other, [pad]) | probing.grounded([pad]))
        if probing.conducts(other):
            return [mine]
        probing.connect(probing.on(name, [pad]) | probing.on(other, [pad]))
        if probing.conducts(name) or probing.conducts(other):
            return [ground]
    return [mine, ground]


def _broken(probing: Probing, row: str, terminal: str, pad: str) -> Finding:
    """Return the finding of one relay; one that no cell needs is a warning only."""
    point = probing.point(row, pad)
    seen = f"does not conduct although it is closed: {terminal} does not reach pad {pad}"
    if point in probing.wiring.forbidden:
        cure = "No cell needs it; only a pre-flight does."
        return Finding(BROKEN, f"crosspoint {point}", Outcome.WARNING, f"{seen}. {cure}", cure)
    cure = f"Replace the relay or its card, or wire pad {pad} to another column."
    return Finding(BROKEN, f"crosspoint {point}", Outcome.FAIL, seen, cure)


def _row_open(probing: Probing, row: str, terminal: str) -> Finding:
    """Return the finding where no relay of a row conducts: hardly the fault of them all."""
    who = "ground" if terminal == "ground" else probing.terminals[terminal].label
    return Finding(
        BROKEN,
        f"row {row} ({terminal})",
        Outcome.FAIL,
        f"none of its closed relays conducts: {who} reaches no pad",
        f"Check the cable from {who} to row {row} of the matrix, LO and ground included.",
    )
