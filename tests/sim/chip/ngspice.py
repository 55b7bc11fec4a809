"""Ask ngspice, a circuit simulator of its own, for the operating point of a netlist."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

needs_ngspice = pytest.mark.skipif(shutil.which("ngspice") is None, reason="ngspice is absent")

_OPTIONS = ".options reltol=1e-13 abstol=1e-20 vntol=1e-16 gmin=1e-30 itl1=500"


def operating_point(netlist: list[str], folder: Path) -> dict[str, float]:
    """Return V of every node and A through every voltage source, by their lower-case names.

    A source's current, ``i(v...)``, flows into its first node from the circuit.
    """
    raw = folder / "op.raw"
    text = ["* operating point", *netlist, _OPTIONS, ".control", "set numdgt=16"]
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
    out = []
    for i, j in np.ndindex(rows, columns):
        left = f"w{i}_{j - 1}" if j else f"pw{i}"
        below = f"b{i + 1}_{j}" if i + 1 < rows else f"pb{j}"
        out.append(f"rw{i}_{j} {left} w{i}_{j} {row_ohm:.17g}")
        out.append(f"rb{i}_{j} {below} b{i}_{j} {column_ohm:.17g}")
    return out


def nodes(answer: dict[str, float], letter: str, rows: int, columns: int) -> np.ndarray:
    """Return the voltages of nodes ``letter``<i>_<j>, (rows, columns)."""
    cells = np.ndindex(rows, columns)
    return np.array([answer[f"v({letter}{i}_{j})"] for i, j in cells]).reshape(rows, columns)
