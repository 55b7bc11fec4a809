"""The linear array against ngspice, against closed forms and against itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from labctl.errors import LimitError, WiringError
from labctl.sim.chip.crossbar import Crossbar
from tests.sim.chip.ngspice import needs_ngspice, nodes, operating_point, wires


def array(rows: int, columns: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal(np.log(40e-6), 1.0, (rows, columns))), rng.uniform(-0.3, 0.3, rows)


def imbalance(g, w, u, v, row, column):
    """Return the largest net current into a node against the largest current of a cell."""
    left = np.diff(w, axis=1, prepend=v[:, np.newaxis]) / row
    right = np.diff(w, axis=1, append=w[:, -1:]) / row
    above = np.diff(u, axis=0, prepend=u[:1]) / column
    below = np.diff(u, axis=0, append=0.0) / column
    cell = g * (w - u)
    return max(abs(right - left - cell).max(), abs(below - above + cell).max()) / abs(cell).max()


@needs_ngspice
def test_sixteen_by_sixteen_agrees_with_ngspice(tmp_path: Path):
    g, v = array(16, 16)
    ohm = 2.5
    netlist = wires(16, 16, ohm, ohm)
    netlist += [f"rc{i}_{j} w{i}_{j} b{i}_{j} {1.0 / g[i, j]:.17g}" for i, j in np.ndindex(g.shape)]
    netlist += [f"vw{i} pw{i} 0 {v[i]:.17g}" for i in range(16)]
    netlist += [f"vb{j} pb{j} 0 0" for j in range(16)]
    spice = operating_point(netlist, tmp_path)
    crossbar = Crossbar(g, ohm, ohm)
    out = np.array([spice[f"i(vb{j})"] for j in range(16)])
    np.testing.assert_allclose(crossbar.currents(v), out, rtol=1e-9)
    w, u = crossbar.node_voltages(v)
    np.testing.assert_allclose(w, nodes(spice, "w", 16, 16), rtol=1e-9)
    np.testing.assert_allclose(u, nodes(spice, "b", 16, 16), rtol=1e-9)


@pytest.mark.parametrize(
    ("rows", "columns", "row", "column"),
    [
        (1, 1, 3.0, 1.0),
        (1, 7, 2.0, 5.0),
        (7, 1, 2.0, 5.0),
        (33, 50, 1.0, 4.0),
        (50, 33, 300.0, 90.0),
    ],
)
def test_currents_balance_at_every_node_and_match_the_transfer_matrix(rows, columns, row, column):
    g, v = array(rows, columns)
    if min(rows, columns) > 1:
        g[rows // 2] = 0.0  # absent cells
    crossbar = Crossbar(g, row, column)
    w, u = crossbar.node_voltages(v)
    assert imbalance(g, w, u, v, row, column) < 1e-9
    current = crossbar.currents(v)
    np.testing.assert_allclose(current, u[-1] / column, rtol=1e-12)
    assert crossbar.transfer.shape == (columns, rows)
    np.testing.assert_allclose(crossbar.transfer @ v, current, atol=1e-10 * abs(current).max())


def test_one_cell_is_three_resistors_in_series():
    crossbar = Crossbar([[1e-3]], 300.0, 200.0)
    np.testing.assert_allclose(crossbar.currents([1.5]), [1e-3], rtol=1e-14)
    w, u = crossbar.node_voltages([1.5])
    np.testing.assert_allclose([w[0, 0], u[0, 0]], [1.2, 0.2], rtol=1e-14)


@pytest.mark.parametrize(("row", "column"), [(0.0, 0.0), (0.0, 3.0), (3.0, 0.0)])
def test_ideal_wires_are_the_limit_of_small_resistances(row, column):
    g, v = array(9, 12)
    ideal = Crossbar(g, row, column)
    near = Crossbar(g, row or 1e-6, column or 1e-6)
    np.testing.assert_allclose(ideal.currents(v), near.currents(v), rtol=1e-7)
    for a, b in zip(ideal.node_voltages(v), near.node_voltages(v), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-8)
    np.testing.assert_allclose(ideal.transfer @ v, ideal.currents(v), rtol=1e-12)
    if not row and not column:
        np.testing.assert_allclose(ideal.currents(v), v @ g, rtol=1e-13)


def test_many_vectors_are_each_vector_by_itself():
    g, _ = array(12, 20)
    vectors = np.random.default_rng(2).uniform(-1.0, 1.0, (30, 12))
    for few in (vectors[:3], vectors, vectors[:0]):  # solved each; by the transfer matrix
        together = Crossbar(g, 5.0, 2.0).currents(few)
        assert together.shape == (len(few), 20)
        for v, out in zip(few, together, strict=True):
            np.testing.assert_allclose(Crossbar(g, 5.0, 2.0).currents(v), out, rtol=1e-8)
    w, u = Crossbar(g, 5.0, 2.0).node_voltages(vectors[:2])
    assert w.shape == u.shape == (2, 12, 20)


def test_a_start_from_the_last_solution_leads_to_the_same_one():
    g, v = array(40, 40)
    warm = Crossbar(g, 20.0, 20.0)
    other = np.random.default_rng(3).uniform(-1.0, 1.0, 40)
    for vector in (other, v, np.zeros(40), other, v + 1e-6 * other):
        cold = Crossbar(g, 20.0, 20.0)
        scale = max(abs(vector).max(), 1e-300)
        for a, b in zip(warm.node_voltages(vector), cold.node_voltages(vector), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-10 * scale)


def test_impossible_arrays_and_voltages_are_refused():
    good = np.full((3, 4), 1e-5)
    for bad in (np.nan, np.inf, -1e-9):
        g = good.copy()
        g[1, 2] = bad
        with pytest.raises(LimitError, match="conductances"):
            Crossbar(g, 1.0, 1.0)
    for shape in ((4,), (0, 4), (2, 3, 4)):
        with pytest.raises(WiringError, match="matrix"):
            Crossbar(np.zeros(shape), 1.0, 1.0)
    for ohm in (-1.0, np.nan, np.inf):
        with pytest.raises(LimitError, match="row segment"):
            Crossbar(good, ohm, 1.0)
        with pytest.raises(LimitError, match="column segment"):
            Crossbar(good, 1.0, ohm)
    crossbar = Crossbar(good, 1.0, 1.0)
    for wrong in (np.zeros(4), np.zeros((2, 4)), 0.1, np.zeros((1, 1, 3))):
        with pytest.raises(WiringError, match="one per row"):
            crossbar.currents(wrong)
    with pytest.raises(LimitError, match="finite voltages"):
        crossbar.node_voltages([0.0, np.nan, 0.0])
