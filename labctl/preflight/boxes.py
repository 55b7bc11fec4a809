"""The checks of a pre-flight that need no relay: what each instrument says of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from labctl.benchfile import BenchFile
from labctl.connecting import connect
from labctl.errors import LabctlError
from labctl.instruments import Driver
from labctl.preflight.finding import Finding, Outcome
from labctl.quantity import show
from labctl.safety import Terminal

IDENTITY = "identity"
ERRORS = "error queue"
SELF_TEST = "self-test"
CARDS = "cards"
INTERLOCK = "interlock"
FREQUENCY = "line frequency"
LIMITS = "limits and compliance"
_MAINS = (50.0, 60.0)
"""Hz."""


def connect_all(
    file: BenchFile, modules: Mapping[str, ModuleType], drivers: dict[str, Driver]
) -> Iterator[Finding]:
    """Connect to every instrument, whatever the others do; put them into ``drivers``.

    Nothing is sent but ``*IDN?``.
    """
    for name in file.instruments:
        try:
            driver = connect(file, name, modules[name])
        except LabctlError as error:
            cure = "Check power, cable, address and model; see the bench file."
            yield Finding(IDENTITY, name, Outcome.FAIL, str(error), cure)
            continue
        drivers[name] = driver
        who = driver.identity
        seen = f"{who.vendor} {who.model}, serial {who.serial}, firmware {who.firmware}"
        yield Finding(IDENTITY, name, Outcome.PASS, seen)


def errors(drivers: Mapping[str, Driver], *, before: bool) -> Iterator[Finding]:
    """Drain every error queue; what was there before the pre-flight is a warning only."""
    for name, driver in drivers.items():
        found, lines = _try(ERRORS, name, driver.self_check)
        yield from found
        for line in lines:
            if before:
                seen = f"left from before: {line}"
                yield Finding(ERRORS, name, Outcome.WARNING, seen, "Nothing: it is drained now.")
            else:
                cure = "Look the error up in the manual; switch the instrument off and on."
                yield Finding(ERRORS, name, Outcome.FAIL, line, cure)
        if not (before or found or lines):
            yield Finding(ERRORS, name, Outcome.PASS, "empty at the end")


def self_tests(drivers: Mapping[str, Driver]) -> Iterator[Finding]:
    """Have every instrument test itself; outputs are off, relays open."""
    for name, driver in drivers.items():
        found, lines = _try(SELF_TEST, name, driver.self_test)
        yield from found
        for line in lines:
            yield Finding(SELF_TEST, name, Outcome.FAIL, line, "Have the instrument serviced.")
        if not found and not lines:
            yield Finding(SELF_TEST, name, Outcome.PASS, "passed")


def cards(drivers: Mapping[str, Any]) -> Iterator[Finding]:
    """Name the cards of a mainframe, where its driver tells them."""
    for name, driver in drivers.items():
        ask = getattr(driver, "cards", None)
        if ask is None:
            continue
        found, lines = _try(CARDS, name, ask)
        yield from found
        if lines:
            yield Finding(CARDS, name, Outcome.PASS, "; ".join(map(str, lines)))


def interlocks(terminals: Mapping[str, Terminal]) -> Iterator[Finding]:
    """Tell where an interlock is open."""
    for name, terminal in terminals.items():
        try:
            closed = terminal.meter.interlock()
        except LabctlError as error:
            yield Finding(INTERLOCK, name, Outcome.FAIL, str(error), "Check the instrument.")
            continue
        if closed is None:
            seen = f"{terminal.label} cannot say"
            yield Finding(INTERLOCK, name, Outcome.UNDECIDED, seen, "Look at its front panel.")
        elif closed:
            yield Finding(INTERLOCK, name, Outcome.PASS, "closed")
        else:
            yield Finding(
                INTERLOCK,
                name,
                Outcome.FAIL,
                f"interlock of {terminal.label} is open",
                "Close the cover of the fixture; check the plug of the interlock.",
            )


def frequencies(terminals: Mapping[str, Terminal]) -> Iterator[Finding]:
    """Compare the power-line frequencies that the source meters count in."""
    known = {name: float(t.meter.line_frequency) for name, t in terminals.items()}
    for name, frequency in known.items():
        odd = frequency not in _MAINS or frequency != next(iter(known.values()))
        told = ", ".join(f"{other} {value:g} Hz" for other, value in known.items())
        yield Finding(
            FREQUENCY,
            name,
            Outcome.FAIL if odd else Outcome.PASS,
            f"{frequency:g} Hz" + (f" (all: {told})" if odd else ""),
            "Set the power-line frequency of the instrument to that of the mains." if odd else "",
        )


def limits(terminals: Mapping[str, Terminal], open_interlocks: set[str]) -> Iterator[Finding]:
    """Write limits and compliance of the bench file, have them read back, switch on at 0 V."""
    for name in sorted(terminals, key=lambda name: name == "word_line"):
        terminal = terminals[name]
        table = terminal.table
        if name in open_interlocks:
            yield Finding(LIMITS, name, Outcome.SKIPPED, "its interlock is open")
            continue
        try:
            terminal.prepare()
            flag = terminal.meter.force(0.0)
        except LabctlError as error:
            cure = "See what the instrument says; set in the bench file a value that it has."
            yield Finding(LIMITS, name, Outcome.FAIL, str(error), cure)
            continue
        seen = (
            f"{show(table.max_voltage, 'V')}, {show(table.max_current, 'A')}; compliance "
            f"{show(table.compliance, 'A')} read back"
        )
        if flag:
            cure = "Something drives this terminal from outside; look at its cable."
            yield Finding(LIMITS, name, Outcome.FAIL, f"{seen}; in compliance at 0 V", cure)
        else:
            yield Finding(LIMITS, name, Outcome.PASS, seen)


def _try(check: str, name: str, ask: Callable[[], list[str]]) -> tuple[list[Finding], list[str]]:
    """Ask an instrument; return the finding where it does not answer, and what it said."""
    try:
        return [], list(ask())
    except LabctlError as error:
        cure = "Check its cable, or switch it off and on."
        return [Finding(check, name, Outcome.FAIL, str(error), cure)], []
