"""Products that the array works out, against those of the computer."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.array import AnalogueArray, Pulse
from labctl.errors import LimitError, WiringError
from labctl.learn.analogue import AnalogueProducts, place_layers
from labctl.learn.models import Network
from labctl.learn.weights import DifferentialPairs, ReferenceColumn, SumOfCells, Weights
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.chip.circuit import BIT_WIRE, SOURCE_WIRE
from labctl.sim.chip.product import Converter
from tests.learn.toy import ToyArray

FORMING = Pulse.set(3.5, 1.5, 1e-3)
SHAPES = [(5, 6), (7, 2)]


def array(
    wire: float = 0.0, converter: Converter | None = None, **settings: bool
) -> SimulatedArray:
    kind = preset("hfox-1t1r")
    chip = Chip(24, 10, kind, seed=4, source_lines="rows", **settings)
    found = SimulatedArray(chip, converter=converter)
    for _ in range(4):
        found.pulse(found.all_cells, FORMING)
    found.wait(1e5)  # until relaxation is slow
    chip._p[[BIT_WIRE, SOURCE_WIRE]] = wire  # formed alike, whatever the wires
    chip._wired = wire > 0
    return found


def network(outputs: int = 2) -> Network:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (30, 4))
    return Network(x, (x[:, 0] > 0).astype(int), (4, 6, outputs), "tanh", "softmax")


ROWS, COLUMNS = np.array([3, 0, 7, 8, 21]), np.array([9, 2, 4])
INPUTS = np.random.default_rng(1).uniform(-1, 1, (12, 3))


def test_a_product_is_the_sum_of_what_the_cells_are_read_to_conduct() -> None:
    device = array(noise=False)
    assert isinstance(device, AnalogueArray)
    cells = np.stack(np.meshgrid(ROWS, COLUMNS, indexing="ij"), axis=-1).reshape(-1, 2)
    conductance = device.read(cells).conductance.reshape(5, 3)
    before, reads = device.now(), device.counters.reads
    found = device.product(INPUTS, ROWS, COLUMNS)
    assert found.shape == (12, 5)
    np.testing.assert_allclose(found, INPUTS @ conductance.T, rtol=1e-6, atol=1e-12)
    assert device.now() > before
    assert device.counters.reads == reads + 12 * 15


def test_noise_of_reading_is_in_a_product() -> None:
    device = array()
    found = np.stack([device.product(np.ones((1, 3)), ROWS, COLUMNS)[0] for _ in range(40)])
    spread = found.std(axis=0) / found.mean(axis=0)
    assert (spread > 0.002).all()
    assert (spread < 0.2).all()


def test_wires_take_their_part_most_of_it_where_lines_are_long() -> None:
    ideal, wired = array(noise=False), array(wire=20.0, noise=False)
    one = np.ones((1, 10))
    rows = np.arange(24)
    lost = 1 - wired.product(one, rows, np.arange(10)) / ideal.product(one, rows, np.arange(10))
    assert (lost > 0.01).all()
    # Bit lines are driven beyond the last word line: the first one is worst off.
    assert lost[0, :4].mean() > 1.3 * lost[0, -4:].mean()
    # Alone, a cell sees its own stretch of both lines, in closed form.
    single = wired.product([[1.0]], [5], [3])[0, 0]
    bare = ideal.product([[1.0]], [5], [3])[0, 0]
    assert 1 / single == pytest.approx(1 / bare + 20.0 * (24 - 5) + 20.0 * (3 + 1), rel=1e-9)


def test_a_converter_rounds_and_cuts_off() -> None:
    exact = array(noise=False).product(INPUTS, ROWS, COLUMNS)
    scale = 0.2 * 40e-6
    coarse = array(converter=Converter(6, scale), noise=False).product(INPUTS, ROWS, COLUMNS)
    step = scale / 31 / 0.2
    np.testing.assert_allclose(coarse / step, np.rint(coarse / step), atol=1e-9)
    inside = np.abs(exact) < scale / 0.2
    assert (np.abs(coarse - exact)[inside] <= 0.5001 * step).all()
    assert np.abs(coarse).max() == pytest.approx(scale / 0.2)
    assert not inside.all()
    # Without a full scale of its own it follows the block.
    fine = array(converter=Converter(12), noise=False).product(INPUTS, ROWS, COLUMNS)
    assert np.abs(fine - exact).max() < np.abs(exact).max() / 500


@pytest.mark.parametrize(
    "wrong",
    [{"bits": 1}, {"bits": 40}, {"full_scale": 0.0}, {"full_scale": float("nan")}],
)
def test_converters_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(LimitError):
        Converter(**wrong)  # type: ignore[arg-type]


def test_impossible_products_are_refused() -> None:
    device = array()
    with pytest.raises(LimitError, match="from -1 to 1"):
        device.product(2 * INPUTS, ROWS, COLUMNS)
    with pytest.raises(LimitError, match=r"shape \(n, 2\)"):
        device.product(INPUTS, ROWS, COLUMNS[:2])
    with pytest.raises(LimitError, match="once at most"):
        device.product(INPUTS, [1, 1], COLUMNS)
    with pytest.raises(WiringError, match="not on the chip"):
        device.product(INPUTS, [24], COLUMNS)
    along = SimulatedArray(Chip(4, 4, preset("hfox-1t1r"), 1))
    with pytest.raises(LimitError, match='source_lines = "rows"'):
        along.product([[1.0]], [0], [0])


@pytest.mark.parametrize("encoding", [DifferentialPairs(), SumOfCells(2), ReferenceColumn()])
def test_a_network_forward_through_the_array_is_that_of_the_weights_read(encoding) -> None:  # type: ignore[no-untyped-def]
    device, model = array(noise=False), network()
    usable = np.ones(device.shape, bool)
    usable[[1, 5], [2, 9]] = False
    cells = place_layers(SHAPES, encoding, usable)
    assert usable[cells[..., 0], cells[..., 1]].all()
    assert len(np.unique(cells.reshape(-1, 2), axis=0)) == cells[..., 0].size
    kappa = np.repeat([30e-6, 20e-6], [30, 14])
    placed = Weights(encoding, cells, kappa, 60e-6)
    read = device.read(placed.all_cells).conductance.reshape(cells.shape[:2])
    weights = placed.weights(read)
    products = AnalogueProducts(device, placed, model.shapes)
    x = np.random.default_rng(2).uniform(-1, 1, (9, 4))
    by_array = model.predict(weights, x, products)
    np.testing.assert_allclose(by_array, model.predict(weights, x), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        model.gradient(weights, None, products), model.gradient(weights), rtol=1e-3, atol=1e-4
    )


def test_eight_bits_and_wires_leave_predictions_near() -> None:
    device, model = array(wire=1.0, converter=Converter(8), noise=False), network()
    placed = Weights(
        DifferentialPairs(), place_layers(SHAPES, DifferentialPairs(), np.ones(device.shape, bool)),
        np.full(44, 60e-6), 60e-6,
    )  # fmt: skip
    weights = placed.weights(device.read(placed.all_cells).conductance.reshape(44, 2))
    products = AnalogueProducts(device, placed, model.shapes)
    x = np.random.default_rng(2).uniform(-1, 1, (50, 4))
    apart = np.abs(model.predict(weights, x, products) - model.predict(weights, x))
    assert 0 < apart.mean() < 0.05


def test_layers_that_do_not_fit_are_told_with_numbers() -> None:
    with pytest.raises(WiringError, match="Layer 1 needs 4 word lines that cross 7 bit lines"):
        place_layers(SHAPES, DifferentialPairs(), np.ones((14, 10), bool))
    with pytest.raises(WiringError, match="Layer 0 needs 12 word lines that cross 5 bit lines"):
        place_layers(SHAPES, DifferentialPairs(), np.eye(16, dtype=bool))


def test_layers_take_the_best_lines_that_do() -> None:
    cost = np.add.outer(np.linspace(1, 0, 14), np.linspace(0.5, 0, 10))
    usable = np.ones((14, 10), bool)
    usable[13, 9] = False
    cells = place_layers([(3, 2)], DifferentialPairs(), usable, cost)
    assert np.unique(cells[..., 0]).tolist() == [10, 11, 12, 13]
    assert np.unique(cells[..., 1]).tolist() == [6, 7, 8]
    assert np.unique(place_layers([(3, 2)], DifferentialPairs(), usable)[..., 0]).max() == 3


def test_products_ask_for_what_they_need() -> None:
    device = array()
    cells = place_layers(SHAPES, DifferentialPairs(), np.ones(device.shape, bool))
    with pytest.raises(WiringError, match="offers no analogue products"):
        AnalogueProducts(
            ToyArray(24, 10), Weights(DifferentialPairs(), cells, np.ones(44), 0.0), SHAPES
        )
    mixed = np.random.default_rng(0).permutation(cells)
    with pytest.raises(WiringError, match="not placed in blocks"):
        AnalogueProducts(device, Weights(DifferentialPairs(), mixed, np.ones(44), 0.0), SHAPES)
    several = Weights(DifferentialPairs(), cells, np.linspace(1, 2, 44) * 1e-5, 60e-6)
    with pytest.raises(WiringError, match="one kappa"):
        AnalogueProducts(device, several, SHAPES)(0, np.ones((1, 5)))
