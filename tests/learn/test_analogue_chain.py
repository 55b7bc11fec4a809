"""Chains whose forward products are those of the array."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.preprocessing import StandardScaler

from labctl import Bench
from labctl.array import READ_VOLTAGE, AnalogueArray, Pulse
from labctl.errors import LimitError, ProcedureError, WiringError
from labctl.learn import KappaCoin, MemristorClassifier, MemristorRegressor
from labctl.learn.building import with_bias
from labctl.learn.initialise import PulsePair
from labctl.learn.measuring import measure_transitions
from labctl.learn.models import (
    LinearRegression,
    LogisticRegression,
    Network,
    PredictiveModel,
    SoftmaxRegression,
)
from labctl.learn.models.cold import ColdPosterior
from labctl.learn.sampler import Chain
from labctl.learn.scale import fitted_kappa
from labctl.learn.source import Measured
from labctl.learn.weights import Encoding, ReferenceColumn, SumOfCells
from labctl.sim.array import SimulatedArray
from labctl.sim.chip import Chip, preset
from labctl.sim.chip.product import Converter
from tests.learn.harness import Gaussian, told
from tests.learn.toy import PULSES, ToyArray

FORMING = Pulse.set(3.5, 1.5, 1e-3)
HFOX = PulsePair(Pulse.set(1.11, 3.2, 2e-4), Pulse.reset(1.33, 4.75, 2e-4))


def simulated(
    wire: float = 0.0, converter: Converter | None = None, lines: str = "rows", noise: bool = True
) -> SimulatedArray:
    """A formed chip of 24 word lines and 8 bit lines."""
    kind = replace(preset("hfox-1t1r"), bit_line_resistance=wire, source_line_resistance=wire)
    chip = Chip(24, 8, kind, seed=5, source_lines=lines, noise=noise)
    found = SimulatedArray(chip, converter=converter, exact=False)
    for _ in range(4):
        found.pulse(found.all_cells, FORMING)
    return found


@pytest.fixture(scope="module")
def known() -> Measured:
    return measure_transitions(simulated(), HFOX, np.random.default_rng(0))


X = np.random.default_rng(3).uniform(-1, 1, (20, 3))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(np.int64)
Z = np.column_stack([np.ones(20), X])
MODELS: dict[str, PredictiveModel] = {
    "logistic": LogisticRegression(Z, Y),
    "linear": LinearRegression(Z, X @ [1.0, -1.0, 0.5], noise_sd=0.5),
    "softmax": SoftmaxRegression(Z, Y, 2),
    "network": Network(X, Y, (3, 2, 2), "tanh", "softmax"),
    "cold": ColdPosterior(Network(X, Y, (3, 2, 1)), 0.1),
}


def chain_on(array: object, known: Measured, model: PredictiveModel, **how: object) -> Chain:
    return Chain(
        array,  # type: ignore[arg-type]
        model,
        known.calibration,
        known.pulses,
        np.random.default_rng(0),
        **{"analogue": True, **how},  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"chains": 2},
        {"batch": 7},
        {"encoding": SumOfCells(2)},
        {"encoding": ReferenceColumn(cells=True)},
    ],
)
def test_without_wires_noise_and_rounding_the_gradient_is_that_of_the_weights_read(
    known: Measured, name: str, how: dict[str, object]
) -> None:
    array, model = simulated(noise=False), MODELS[name]
    array.wait(1e6)  # until relaxation is slow
    learner = chain_on(array, known, model, **how)
    learner.refresh()
    weights = learner.cells.weights
    twin = copy.deepcopy(learner.rng)
    found = learner._gradient(weights)
    rows = None if "batch" not in how else twin.choice(len(model), 7, replace=False)
    expected = model.gradient(weights.reshape(learner.chains, -1), rows).ravel()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())
    x = X if isinstance(model, Network) or name == "cold" else Z
    np.testing.assert_allclose(
        learner.predict(x), model.predict(weights.reshape(learner.chains, -1), x), atol=2e-3
    )


def test_wires_noise_and_converters_are_in_the_gradient(known: Measured) -> None:
    found = []
    for array in (
        simulated(noise=False),
        simulated(noise=False, wire=20.0),
        simulated(noise=False, converter=Converter(4)),
        simulated(),
    ):
        array.wait(1e6)
        learner = chain_on(array, known, MODELS["softmax"])
        learner.refresh()
        found.append(learner._gradient(np.zeros(8)))
    for other in found[1:]:
        assert np.abs(other - found[0]).max() > 0.01 * np.abs(found[0]).max()


def test_reads_energy_and_bench_time_of_products_are_in_the_account(known: Measured) -> None:
    spent = []
    for analogue in (True, False):
        learner = chain_on(simulated(), known, MODELS["network"], analogue=analogue)
        before = learner.spent
        learner.step()
        after = learner.spent
        spent.append([
            after.reads - before.reads, after.read_energy - before.read_energy,
            after.time - before.time,
        ])  # fmt: skip
    [more, energy, time] = np.subtract(*spent)
    # Twenty samples through four rows and two columns, and three rows and two columns, in pairs.
    assert more == 20 * (4 * 2 + 3 * 2) * 2
    assert energy > 0
    # Of each sample and layer: levels, settling, one integration.
    assert 40 * 1e-4 < time < 40 * 0.1


@pytest.mark.parametrize(("chains", "passes"), [(1, 0), (2, 3)])
def test_layers_are_blocks_with_one_scale_an_output(
    known: Measured, chains: int, passes: int
) -> None:
    model = SoftmaxRegression(Z * [2.0, 1.0, 0.3, 0.1], np.arange(20) % 5 % 2, 2, prior_sd=0.5)
    learner = chain_on(simulated(), known, model, chains=chains, passes=passes)
    learner.prepare()
    for _ in range(20):
        learner.step()
    learner.rescale()
    learner.step()
    tables = learner.placed.cells.reshape(chains, 4, 2, 2, 2)
    assert (tables[..., 0] == tables[:, :1, :, :, 0]).all()  # an output's word lines
    assert (tables[..., 1] == tables[:, :, :1, :1, 1]).all()  # an input's bit line
    kappa = learner.placed.kappa.reshape(chains, 4, 2)
    assert (kappa == kappa[:, :1]).all()
    own = fitted_kappa(known.calibration, learner.stiffness, 0.5).reshape(chains, 4, 2)
    assert (own.max(axis=1) > 1.2 * own.min(axis=1)).all()
    np.testing.assert_allclose(kappa[:, 0], own.max(axis=1), rtol=0.02)
    assert learner.predict(Z, 3).shape == (3 * chains, 20, 2)


def test_a_chain_learns_from_the_arrays_products_as_from_its_reads(known: Measured) -> None:
    # Wires of 1 ohm a cell and 8 bits. Of 14 such pairs of runs on other chips with other seeds the
    # accuracies differed by 0.013 at most, log likelihoods by 0.022: sd 0.011 and 0.012, so that
    # chance passes the bounds in less than one of a thousand, were the seeds not fixed.
    x, y = load_iris(return_X_y=True)
    x = StandardScaler().fit_transform(x)
    accuracy, nll, now = [], [], []
    for analogue in (True, False):
        array = simulated(1.0, Converter(8))
        known = measure_transitions(array, HFOX, np.random.default_rng(0))
        learner = MemristorClassifier(
            array, calibration=known, steps=400, burn_in=100, thin=5, analogue=analogue,
            random_state=1,
        ).fit(x[::2], y[::2])  # fmt: skip
        proba = learner.predict_proba(x[1::2])
        accuracy.append((proba.argmax(axis=1) == y[1::2]).mean())
        nll.append(-np.log(proba[np.arange(75), y[1::2]]).mean())
        now.append((learner.proba_now(x[1::2], 5).mean(axis=0).argmax(axis=1) == y[1::2]).mean())
    assert accuracy[0] > 0.93
    assert accuracy[0] > accuracy[1] - 0.04
    assert nll[0] < nll[1] + 0.05
    assert now[0] > 0.85


class AnalogueToy(ToyArray):
    """The toy with exact products."""

    def check_product(self, rows: ArrayLike, columns: ArrayLike) -> None:
        pass

    def product(
        self, inputs: ArrayLike, rows: ArrayLike, columns: ArrayLike, voltage: float = READ_VOLTAGE
    ) -> NDArray[np.float64]:
        return np.asarray(inputs) @ self.conductance[np.ix_(rows, columns)].T  # type: ignore[arg-type]


def regression(n: int = 16) -> LinearRegression:
    rng = np.random.default_rng(2)
    x = with_bias(rng.normal(size=(n, 2)))
    return LinearRegression(x, x @ [0.3, -0.4, 0.2] + rng.normal(size=n), noise_sd=1.0)


def learning(array: ToyArray, encoding: Encoding | None = None) -> Chain:
    chain = Chain(
        array, regression(), told(array), PULSES, np.random.default_rng(0), analogue=True,
        encoding=encoding,
    )  # fmt: skip
    chain.prepare()
    return chain


def stuck(chain: Chain, array: ToyArray, weight: int, slot: int) -> None:
    """Let a cell stick, and step until the chain has found out."""
    array.dead[tuple(chain.placed.cells[weight, slot])] = True
    for _ in range(300):
        chain.step()
        if chain.replaced:
            return
    pytest.fail("The stuck cell was not found.")


def test_a_cell_that_dies_in_a_block_is_frozen_and_its_weight_goes_on_with_the_other() -> None:
    array = AnalogueToy(8, 8, seed=1)
    assert isinstance(array, AnalogueArray)
    chain = learning(array)
    cells = chain.placed.cells.copy()
    stuck(chain, array, 1, 0)
    [event] = chain.replaced
    assert (event.weight, event.slot, event.spare) == (1, 0, None)
    assert "stays in its block of lines" in str(event)
    np.testing.assert_array_equal(chain.placed.cells, cells)
    counts = chain.cells.ledger.counts.copy()
    drawn = np.empty((6000, 3))
    for k in range(len(drawn)):
        drawn[k] = chain.step().weights
    assert len(chain.replaced) == 1
    pulsed = (chain.cells.ledger.counts - counts)[cells[..., 0], cells[..., 1]]
    # The other cell of the pair takes all the pulses of the weight.
    assert pulsed.tolist() == [[3000, 3000], [0, 6000], [3000, 3000]]
    mean, covariance = regression().exact()
    sd = np.sqrt(covariance.diagonal())
    # Some 200 effective draws: 0.25 sd is more than three standard errors for each of three.
    np.testing.assert_allclose((drawn.mean(axis=0) - mean) / sd, 0.0, atol=0.25)
    np.testing.assert_allclose(drawn.std(axis=0) / sd, 1.0, atol=0.2)


def test_a_weight_of_one_cell_stays_and_the_others_make_up_for_it() -> None:
    array = AnalogueToy(8, 8, seed=1)
    chain = learning(array, ReferenceColumn())
    stuck(chain, array, 2, 0)
    held, counts = chain.weights[2], chain.cells.ledger.counts.copy()
    drawn = np.empty((6000, 3))
    for k in range(len(drawn)):
        drawn[k] = chain.step().weights
    cells = chain.placed.all_cells
    pulsed = (chain.cells.ledger.counts - counts)[cells[:, 0], cells[:, 1]]
    assert pulsed.tolist() == [6000, 6000, 0]
    assert np.median(abs(drawn[:, 2] - held)) < 0.15  # read noise
    # The posterior given what the frozen weight is.
    mean, covariance = regression().exact()
    gain = covariance[:2, 2] / covariance[2, 2]
    given = mean[:2] + gain * (drawn[:, 2].mean() - mean[2])
    sd = np.sqrt((covariance[:2, :2] - np.outer(gain, covariance[2, :2])).diagonal())
    np.testing.assert_allclose((drawn[:, :2].mean(axis=0) - given) / sd, 0.0, atol=0.25)


def test_what_is_frozen_is_in_the_state() -> None:
    array = AnalogueToy(8, 8, seed=1)
    chain = learning(array)
    stuck(chain, array, 1, 0)
    twin = Chain(
        copy.deepcopy(array), regression(), told(array), PULSES, np.random.default_rng(9),
        analogue=True,
    )  # fmt: skip
    twin.restore(chain.state())
    assert twin.replaced == chain.replaced
    for _ in range(30):
        np.testing.assert_array_equal(twin.step().weights, chain.step().weights)
    assert twin.cells.frozen.tolist() == [[False, False], [True, False], [False, False]]


def test_cells_that_do_not_get_to_their_begin_are_passed_over_by_whole_lines() -> None:
    array = AnalogueToy(8, 8, seed=1, read_noise=0.0, relaxation=0.0)
    chain = Chain(array, regression(), told(array), PULSES, np.random.default_rng(0), analogue=True)
    first = tuple(chain.placed.cells[0, 0])
    array.conductance[first], array.dead[first] = 5e-6, True
    chain.prepare()
    chain.step()
    table = chain.placed.cells.reshape(3, 1, 2, 2)
    assert (table[..., 0] == table[:1, :, :, 0]).all()
    assert first not in {tuple(cell) for cell in chain.placed.all_cells.tolist()}
    # The products are those of the lines that carry the weights now.
    weights = chain.cells.weights
    np.testing.assert_allclose(chain._gradient(weights), regression().gradient(weights))


def test_arrays_without_products_are_refused_with_what_to_do(
    known: Measured,
    bench_file,  # type: ignore[no-untyped-def]
) -> None:
    with pytest.raises(WiringError, match=r"ToyArray\) offers no analogue products: .* or use an"):
        chain_on(ToyArray(24, 8), known, MODELS["softmax"])
    with Bench.open(bench_file()) as bench:
        with pytest.raises(WiringError, match=r"ProbedArray\) offers no analogue products"):
            chain_on(bench.array, known, MODELS["softmax"])
        with pytest.raises(WiringError, match="without analogue"):
            MemristorClassifier(bench.array, calibration=known, analogue=True).fit(X, Y)
    with pytest.raises(LimitError, match='source_lines = "rows"'):
        chain_on(simulated(lines="columns"), known, MODELS["softmax"])


def test_models_and_rules_that_do_not_go_with_products_are_refused(known: Measured) -> None:
    with pytest.raises(ProcedureError, match="Gaussian has no layers"):
        chain_on(simulated(), known, Gaussian(np.zeros(3), np.eye(3)))  # type: ignore[arg-type]
    plain = chain_on(simulated(), known, Gaussian(np.zeros(3), np.eye(3)), analogue=False)  # type: ignore[arg-type]
    with pytest.raises(ProcedureError, match="Gaussian predicts nothing"):
        plain.predict(Z)
    uneven = SoftmaxRegression(Z, Y, 2, np.linspace(0.5, 1.0, 8))
    with pytest.raises(ProcedureError, match="one prior_sd"):
        chain_on(simulated(), known, uneven, rule=KappaCoin(known.calibration))
    learner = chain_on(simulated(), known, MODELS["softmax"])
    with pytest.raises(ProcedureError, match="blocks for layers"):
        learner.with_model(LinearRegression(np.hstack([Z, Z]), X[:, 0]))
    with pytest.raises(WiringError, match="Layer 1 needs 16 word lines"):
        chain_on(simulated(), known, Network(X, Y, (3, 5, 8), "tanh", "softmax"))
    # Uneven priors alone are no hindrance: the widest of an output sets how far it must reach.
    widest = chain_on(simulated(), known, uneven).placed.kappa.reshape(4, 2)
    even = chain_on(simulated(), known, SoftmaxRegression(Z, Y, 2, 1.0)).placed.kappa
    assert (widest == widest[:1]).all()
    sd = np.linspace(0.5, 1.0, 8).reshape(4, 2)
    reach = np.minimum(1 / sd.min(axis=0), 5 / 3 / sd.max(axis=0))  # five sds wanted, three needed
    np.testing.assert_allclose(widest[0], even[0] * reach)


def test_estimators_offer_it_and_predict_by_the_array(known: Measured) -> None:
    model = MemristorClassifier(
        simulated, calibration=known, steps=40, burn_in=10, analogue=True, chains=2, random_state=0
    )
    assert clone(model).analogue
    model.fit(X, Y)
    by_array = model.proba_now(X, 3)
    assert by_array.shape == (6, 20, 2)
    np.testing.assert_allclose(by_array.sum(axis=-1), 1.0)
    assert (by_array[0] != by_array[2]).all()  # the noise of reading
    regressor = MemristorRegressor(
        simulated, calibration=known, steps=40, burn_in=10, analogue=True, random_state=0
    ).fit(X, 5.0 + X[:, 0])
    means = regressor.means_now(X, 2)
    assert means.shape == (2, 20)
    assert abs(means.mean() - 5.0) < 1.0
