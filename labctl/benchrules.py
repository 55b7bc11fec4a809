"""What must hold between the tables of a bench file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.benchfile import BenchFile

Broken = tuple[tuple[str, ...], str]
"""Where a rule is broken (a key of the file), and what is wrong with it, with the cure."""


def broken_rules(file: BenchFile) -> list[Broken]:
    """Return every rule that a file breaks; an empty list where it is sound."""
    unknown = list(_names(file))
    if unknown:  # the other rules look the names up
        return unknown
    rules = (
        _mainframes,
        _addresses,
        _compliances,
        _widths,
        _shared,
        _inhibit,
        _preflight,
        _simulation,
    )
    return [broken for rule in rules for broken in rule(file)]


def _preflight(file: BenchFile) -> Iterator[Broken]:
    cell, expected = file.preflight.known_good, file.preflight.conductance
    rows, columns = file.shape
    if cell is not None and not (cell[0] < rows and cell[1] < columns):
        yield (
            ("preflight", "known_good"),
            f"the chip has no cell ({cell[0]}, {cell[1]}); it has {rows} x {columns}, from (0, 0)",
        )
    if expected is not None and not expected[0] < expected[1]:
        yield ("preflight", "conductance"), "write the lower bound first, then the upper one"


def _names(file: BenchFile) -> Iterator[Broken]:
    known = ", ".join(sorted(file.instruments))
    used: list[tuple[tuple[str, ...], str]] = []
    used += [(("terminals", n, "instrument"), t.instrument) for n, t in file.terminals.items()]
    used += [(("matrix", "instrument"), name) for name in file.matrix.mainframes]
    for key, instrument in used:
        if instrument not in file.instruments:
            yield key, f"{instrument!r} is not one of [instruments.*]: {known}"


def _mainframes(file: BenchFile) -> Iterator[Broken]:
    names = file.matrix.mainframes
    key = ("matrix", "instrument")
    for name in dict.fromkeys(n for n in names if names.count(n) > 1):
        yield key, f"names {name!r} twice; name each mainframe once"
    if len(names) > 1:
        for name in names:
            if ":" in name:
                yield key, f"{name!r} has a colon, which ends a name in the wiring; take it out"
    widths = file.matrix.columns_per_slot
    for name in widths if isinstance(widths, dict) else ():
        if name not in names:
            listed = ", ".join(names)
            yield (
                ("matrix", "columns_per_slot", name),
                f"{name!r} is no mainframe; [matrix] instrument names {listed}",
            )


def _addresses(file: BenchFile) -> Iterator[Broken]:
    first: dict[str, str] = {}
    for name, table in file.instruments.items():
        place = table.address.upper()
        if place in first:
            yield (
                ("instruments", name, "address"),
                f"instruments.{first[place]} and instruments.{name} have the same address "
                f"{place}: give each its own",
            )
        first.setdefault(place, name)
    nodes: dict[int, str] = {}
    for name, table in file.instruments.items():
        if table.node is not None and nodes.setdefault(table.node, name) != name:
            yield (
                ("instruments", name, "node"),
                f"instruments.{nodes[table.node]} is node {table.node} already: every instrument "
                "on the TSP-Link has a number of its own",
            )


def _compliances(file: BenchFile) -> Iterator[Broken]:
    source, bit = file.terminals.source_line, file.terminals.bit_line
    if source.compliance < bit.compliance:
        yield (
            ("terminals", "source_line", "compliance"),
            f"{source.compliance:g} A is below that of the bit line, {bit.compliance:g} A: the "
            "source line would limit a read unseen; make it as large at least",
        )


def _widths(file: BenchFile) -> Iterator[Broken]:
    longest = file.limits.max_pulse_width
    for name, table in file.terminals.items():
        if table.max_pulse_width is not None and table.max_pulse_width > longest:
            yield (
                ("terminals", name, "max_pulse_width"),
                f"{table.max_pulse_width:g} s is above that of [limits], {longest:g} s, which "
                "holds for every terminal; lower it, or raise [limits] max_pulse_width",
            )
        timeout = file.instruments[table.instrument].timeout
        if timeout <= file.max_pulse_width(name):
            yield (
                ("instruments", table.instrument, "timeout"),
                f"timeout must be longer than max_pulse_width ({file.max_pulse_width(name):g} s): "
                f"{name} would time out during its longest pulse; raise the time-out or lower the "
                "limit",
            )


def _shared(file: BenchFile) -> Iterator[Broken]:
    channels: dict[tuple[str, str], str] = {}
    rows: dict[str, str] = {file.matrix.ground: "matrix.ground"}
    for name, table in file.terminals.items():
        channel = (table.instrument, table.channel)
        other = channels.setdefault(channel, name)
        if other != name:
            yield (
                ("terminals", name, "channel"),
                f"terminals {other} and {name} share one channel of one instrument: give each "
                "its own",
            )
        other = rows.setdefault(table.row, f"terminals.{name}")
        if other != f"terminals.{name}":
            yield (
                ("terminals", name, "row"),
                f"{other} and terminals.{name} share a matrix row ({table.row}): give each its own",
            )
    inhibit = file.matrix.inhibit
    if inhibit is not None and rows.get(inhibit, "terminals.inhibit") != "terminals.inhibit":
        yield (
            ("matrix", "inhibit"),
            f"row {inhibit} is that of {rows[inhibit]}: give the inhibit bias a row of its own",
        )


def _inhibit(file: BenchFile) -> Iterator[Broken]:
    array, terminal, row = file.array, file.terminals.inhibit, file.matrix.inhibit
    if (array.kind == "passive") != (file.chip.source_lines == "none"):
        yield (
            ("array", "kind") if array.kind == "passive" else ("chip", "source_lines"),
            'a passive array has no source lines: kind = "passive" goes with [chip] '
            'source_lines = "none", and neither without the other',
        )
    if terminal is not None and row not in (None, terminal.row):
        yield (
            ("matrix", "inhibit"),
            f"row {row} is not that of [terminals.inhibit], {terminal.row}: make them one",
        )
    if array.inhibit == "none":
        return
    if terminal is None and array.inhibit != "half":
        yield (
            ("array", "inhibit"),
            f"{array.inhibit!r} needs a source: add [terminals.inhibit] with instrument, channel "
            "and row",
        )
    kind = "1t1r" if array.inhibit == "bias" else "passive"
    if array.kind != kind:
        yield (
            ("array", "inhibit"),
            f'{array.inhibit!r} is for kind = "{kind}"; "bias" is for 1T1R cells, "half" and '
            '"third" are for passive arrays',
        )


def _simulation(file: BenchFile) -> Iterator[Broken]:
    if file.bench.visa != "@labsim":
        return
    known = ", ".join(sorted(file.instruments))
    for name in file.simulation.faults:
        if name not in file.instruments:
            yield ("simulation", "faults", name), f"is not one of [instruments.*]: {known}"
    for number, name in file.simulation.tsplink.items():
        if name not in file.instruments:
            yield (
                ("simulation", "tsplink", number),
                f"{name!r} is not one of [instruments.*]: {known}",
            )
