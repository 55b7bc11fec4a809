"""Ask ngspice, a circuit simulator of its own, for the operating point of a netlist."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from labctl.sim.chip import Chip, Preset

needs_ngspice = pytest.mark.skipif(
    shutil.which("ngspice") is None, reason="ngspice is absent (apt-get install ngspice)"
)

_LINEAR = ".options reltol=1e-13 abstol=1e-20 vntol=1e-16 gmin=1e-30 itl1=500"
_NONLINEAR = ".options reltol=1e-11 abstol=1e-18 vntol=1e-13 gmin=1e-30 itl1=2000 rshunt=1e17"
_SHUT = -50.0  # V; bulk of all transistors, so that their diodes block


def operating_point(netlist: list[str], folder: Path, *, linear: bool = True) -> dict[str, float]:
    """Return V of every node and A through every voltage source, by their lower-case names.

    A source's current, ``i(v...)``, flows into its first node from the circuit.
    """
    raw = folder / "op.raw"
    raw.unlink(missing_ok=True)
    text = ["* operating point", *netlist, _LINEAR if linear else _NONLINEAR]
    text += [".control", "set numdgt=16"]
    text += ["set filetype=ascii", "op", f"write {raw}", "quit", ".endc", ".end", ""]
    (folder / "op.cir").write_text("\n".join(text))
    done = subprocess.run(
        ["ngspice", "-b", str(folder / "op.cir")], capture_output=True, text=True, timeout=60
    )
    assert raw.exists(), done.stdout + done.stderr
    head, values = raw.read_text().split("Values:")
    names = [line.split()[1] for line in head.split("\nVariables:")[1].splitlines() if line.strip()]
    numbers = [float(x) for x in values.split()[1:]]
    assert len(names) == len(numbers)
    return dict(zip(names, numbers, strict=True))


def wires(rows: int, columns: int, row_ohm: float, column_ohm: float) -> list[str]:
    """Return the segments: nodes w<i>_<j>, b<i>_<j>; pads pw<i> left and pb<j> below the array."""
    return _across(rows, columns, "w", row_ohm) + _down(rows, columns, "b", column_ohm)


def _segment(name: str, one: str, other: str, ohm: float) -> str:
    # a source of 0 V is a wire without resistance
    return f"{'r' if ohm else 'v'}{name} {one} {other} {ohm:.17g}"


def _across(rows: int, columns: int, letter: str, ohm: float) -> list[str]:
    """Lines along rows, pads left."""
    out = []
    for i, j in np.ndindex(rows, columns):
        left = f"{letter}{i}_{j - 1}" if j else f"p{letter}{i}"
        out.append(_segment(f"{letter}{i}_{j}", left, f"{letter}{i}_{j}", ohm))
    return out


def _down(rows: int, columns: int, letter: str, ohm: float) -> list[str]:
    """Lines along columns, pads below."""
    out = []
    for i, j in np.ndindex(rows, columns):
        below = f"{letter}{i + 1}_{j}" if i + 1 < rows else f"p{letter}{j}"
        out.append(_segment(f"{letter}{i}_{j}", below, f"{letter}{i}_{j}", ohm))
    return out


def _down_from_above(rows: int, columns: int, letter: str, ohm: float) -> list[str]:
    """Lines along columns, pads above."""
    out = []
    for i, j in np.ndindex(rows, columns):
        above = f"{letter}{i - 1}_{j}" if i else f"p{letter}{j}"
        out.append(_segment(f"{letter}{i}_{j}", above, f"{letter}{i}_{j}", ohm))
    return out


def chip_netlist(chip: Chip, conductance: np.ndarray, gates: np.ndarray) -> list[str]:
    """Return wires, cells and transistors of a chip whose sinh law has one voltage scale.

    Pads are pb<j> of the bit lines and ps<k> of the source lines (in a passive array, of the word
    lines); nobody holds them yet.

    Parameters
    ----------
    chip
        Its preset has ``voltage_low == voltage_high``.
    conductance
        S at 0 V, (rows, columns), without transistors.
    gates
        V of the word lines, (rows,).
    """
    rows, columns = chip.shape
    kind: Preset = chip.preset
    lay = _down_from_above if chip.source_lines == "columns" else _across
    out = _down(rows, columns, "b", kind.bit_line_resistance)
    out += lay(rows, columns, "s", kind.source_line_resistance)
    v0 = kind.voltage_low
    assert v0 == kind.voltage_high
    passive = chip.source_lines == "none"
    for i, j in np.ndindex(rows, columns):
        cell = f"{i}_{j}"
        low = f"s{cell}" if passive else f"m{cell}"
        # straight beyond 8 scales, where no solution lies: the search must not overflow
        x = f"v(b{cell},{low})/{v0:.17g}"
        y = f"min(max({x},-8),8)"
        law = f"{conductance[i, j] * v0:.17g}*(sinh({y})+cosh({y})*({x}-{y}))"
        out.append(f"bc{cell} b{cell} {low} i={law}")
        if not passive:
            out.append(f"mt{cell} m{cell} g{i} s{cell} bulk select")
    if passive:
        return out
    out += [f"vg{i} g{i} 0 {gates[i]:.17g}" for i in range(rows)]
    out += [f"vbulk bulk 0 {_SHUT}"]
    out += [
        f".model select nmos level=1 vto={kind.transistor_threshold:.17g} "
        f"kp={kind.transistor_gain:.17g} lambda={kind.transistor_lambda:.17g} "
        "gamma=0 is=1e-30 w=1u l=1u"
    ]
    return out


def nodes(answer: dict[str, float], letter: str, rows: int, columns: int) -> np.ndarray:
    """Return the voltages of nodes ``letter``<i>_<j>, (rows, columns)."""
    cells = np.ndindex(rows, columns)
    return np.array([answer[f"v({letter}{i}_{j})"] for i, j in cells]).reshape(rows, columns)
