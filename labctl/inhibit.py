"""Which level goes on which terminal for a pulse or a read, and what holds unselected cells.

A pulse is a voltage across one cell for a time. Most cells share a line with the selected one,
and none of them may see enough of that voltage to change:

1T1R
    Unselected word lines are at ground, so that only cells of the selected row conduct. Where the
    source lines run along the columns, each of these has a source line of its own, and nothing
    reaches it. Where they run along the rows, a RESET raises the source line of the whole row:
    with ``inhibit = "bias"`` all unselected bit lines are raised with it. Both go up while no
    gate is open, and the gate makes the pulse.
passive, ``"half"`` (V/2)
    The selected lines go to +V/2 and -V/2, all others stay at 0 V: no other cell sees more than
    V/2, and those that share no line with it see nothing.
passive, ``"third"`` (V/3)
    The selected bit line goes to V/3 and the selected word line to -2 V/3 (SET), unselected bit
    lines to -V/3 while unselected word lines are at ground: every other cell sees V/3.

Only differences count, so that levels are chosen with the bit line or the ground as reference,
which needs one source for the unselected lines, and none of them to be in step with the pulse.

A passive array is read with its bit line at 0 V and all unselected lines at 0 V, by the word line:
the meter on the bit line then sees the selected cell alone.

Source: A. Chen, "A comprehensive crossbar array model with solutions for line resistance and
nonlinear device characteristics", IEEE Trans. Electron Devices 60, 1318 (2013), for the schemes;
from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from labctl.array import Pulse
from labctl.benchfile import BenchFile

Levels = tuple[tuple[str, float], ...]
"""Terminals and their levels, V, in the order in which they go there."""


@dataclass(frozen=True, slots=True)
class Drive:
    """How one voltage is put on a cell.

    Attributes
    ----------
    held
        What is brought to its level before, and back to 0 V after.
    terminal, level
        What makes the pulse, or measures; V.
    """

    held: Levels
    terminal: str
    level: float


@dataclass(frozen=True, slots=True)
class Scheme:
    """The drives of one kind of array.

    Attributes
    ----------
    pulse
        Drive of a pulse.
    read
        Drive of a read at a voltage and a gate voltage, V; its terminal is the bit line.
    helper
        Name of the terminal that a read holds besides.
    gated
        Whether there are transistors, whose gate a sweep has to open.
    sweeps
        Signs of the voltages that a sweep may go through (-1, 1): with the others, cells beside
        the selected one would see them for as long.
    """

    pulse: Callable[[Pulse], Drive]
    read: Callable[[float, float], Drive]
    helper: str = "word_line"
    gated: bool = True
    sweeps: frozenset[int] = frozenset((-1, 1))


def scheme_of(file: BenchFile) -> Scheme:
    """Return the scheme that ``[array]`` of a bench file asks for."""
    if file.array.kind == "passive":
        pulse = {"half": _half, "third": _third}.get(file.array.inhibit)
        both: frozenset[int] = ONE_TRANSISTOR.sweeps if pulse is None else frozenset()
        return Scheme(pulse or _plain, _read_passive, "source_line", gated=False, sweeps=both)
    if file.array.inhibit == "bias" and file.chip.source_lines == "rows":
        return Scheme(_biased, _read_selected, sweeps=frozenset((1,)))
    return ONE_TRANSISTOR


def _selected(pulse: Pulse) -> Drive:
    """Open the gate, pulse the bit line or the source line."""
    held = (("word_line", pulse.gate),)
    if pulse.bit_line != 0.0:
        return Drive(held, "bit_line", pulse.bit_line)
    return Drive(held, "source_line", pulse.source_line)


def _biased(pulse: Pulse) -> Drive:
    """As :func:`_selected`; a RESET of the shared source line is made by the gate."""
    if pulse.source_line == 0.0:
        return _selected(pulse)
    held = (("source_line", pulse.source_line), ("inhibit", pulse.source_line))
    return Drive(held, "word_line", pulse.gate)


def _plain(pulse: Pulse) -> Drive:
    """Nothing holds the other lines; the terminal of the source line drives the word line."""
    if pulse.bit_line != 0.0:
        return Drive((), "bit_line", pulse.bit_line)
    return Drive((), "source_line", pulse.source_line)


def _half(pulse: Pulse) -> Drive:
    half = (pulse.bit_line - pulse.source_line) / 2
    return Drive((("bit_line", half),), "source_line", -half)


def _third(pulse: Pulse) -> Drive:
    third = (pulse.bit_line - pulse.source_line) / 3
    return Drive((("bit_line", third), ("inhibit", -third)), "source_line", -2 * third)


def _read_selected(voltage: float, gate: float) -> Drive:
    return Drive((("word_line", gate),), "bit_line", voltage)


def _read_passive(voltage: float, gate: float) -> Drive:
    return Drive((("source_line", -voltage),), "bit_line", 0.0)


ONE_TRANSISTOR = Scheme(_selected, _read_selected)
"""1T1R cells; what the other cells see, their transistors keep from them."""
