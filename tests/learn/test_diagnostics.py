from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.cli import app
from labctl.engine.runner import execute
from labctl.errors import ProcedureError, StoreError
from labctl.learn.diagnostics import diagnose
from labctl.learn.inference import Draws
from labctl.learn.rundraws import draws_of, export_arviz
from labctl.store import Run
from procedures.read_map import ReadMap
from procedures.sample_posterior import SamplePosterior
from procedures.transitions import Transitions
from tests.learn.toy import ToyArray


def chains(rho: float, shift: float = 0.0, size: int = 2000, seed: int = 0) -> np.ndarray:
    """Four autoregressive chains of two weights; ``shift`` parts two of them from the others."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(4, size, 2))
    x = np.empty_like(noise)
    x[:, 0] = noise[:, 0]
    for k in range(1, size):
        x[:, k] = rho * x[:, k - 1] + np.sqrt(1 - rho**2) * noise[:, k]
    x[:2] += shift
    return x


def test_independent_draws_count_in_full() -> None:
    found = diagnose(chains(0.0))
    assert found.mixed
    # The estimate of 8 000 independent draws scatters by some 3 %.
    np.testing.assert_allclose(found.ess_bulk, 8000, rtol=0.15)
    np.testing.assert_allclose(found.ess_tail, 8000, rtol=0.2)
    np.testing.assert_allclose(found.r_hat, 1.0, atol=0.003)


def test_draws_that_follow_each_other_count_less() -> None:
    found = diagnose(chains(0.9))
    # (1 - rho) / (1 + rho) of 8 000 is 421.
    np.testing.assert_allclose(found.ess_bulk, 421, rtol=0.35)
    assert not found.mixed


def test_chains_apart_are_seen() -> None:
    assert diagnose(chains(0.0, shift=1.0)).r_hat.min() > 1.1


def test_a_weight_that_never_moved_is_named() -> None:
    draws = chains(0.0)
    draws[..., 1] = 0.25
    found = diagnose(draws)
    assert found.stuck.tolist() == [1]
    assert not found.mixed
    assert found.to_json()["stuck_weights"] == 1
    assert found.to_json()["ess_min"] == 0.0


@pytest.mark.parametrize(
    ("draws", "said"), [(np.zeros((3, 2)), "at least 8 draws"), (np.full((9, 2), np.nan), "18 val")]
)
def test_what_cannot_be_diagnosed_is_refused(draws: np.ndarray, said: str) -> None:
    with pytest.raises(ProcedureError, match=said):
        diagnose(draws)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Transitions, two chains of sample_posterior (40 and 30 draws of 31 weights), a read map."""
    root, array = tmp_path_factory.mktemp("data"), ToyArray(seed=0)
    first = Transitions(passes=30, repeats=6)
    made = [execute(first, array=array, data_root=root, meta={"seed": 1}).raise_unless_finished()]
    for seed, steps in ((2, 250), (3, 200)):
        chain = SamplePosterior(steps=steps, burn_in=50, thin=5, temperature=0.5)
        meta = {"seed": seed, "chip": "toy-1"}
        made.append(execute(chain, array=array, data_root=root, meta=meta).raise_unless_finished())
    made.append(execute(ReadMap(), array=array, data_root=root, meta={}).raise_unless_finished())
    return made


@pytest.fixture(scope="module")
def draws(runs: list[Run]) -> Draws:
    return draws_of(runs[1:3])


def test_a_container_has_what_the_runs_measured(draws: Draws, runs: list[Run]) -> None:
    assert draws.weights.shape == (2, 30, 31)
    assert draws.conductance.shape == (2, 30, 31, 2)
    frame = runs[2].frame("draws").query("kept and draw == 39").sort_values("weight")
    np.testing.assert_array_equal(draws.weights[1, -1], frame["value"])
    np.testing.assert_array_equal(draws.conductance[1, -1, :, 1], frame["minus"])
    assert (draws.pulses[:, -1] == [250 * 31, 200 * 31]).all()
    assert (np.diff(draws.step, axis=1) == 5).all()
    assert (draws.temperature == 0.5).all()
    assert draws.device_id == ("toy-1", "toy-1")
    assert draws.names[0] == "bias"
    weights = runs[1].frame("weights").sort_values("weight")
    np.testing.assert_array_equal(draws.cells[0, :, 0, 1], weights["plus_col"])


def test_arviz_of_the_new_generation_takes_the_tree(draws: Draws) -> None:
    arviz_base = pytest.importorskip("arviz_base")
    arviz_stats = pytest.importorskip("arviz_stats")
    tree = draws.to_datatree()
    assert tree["posterior"]["weights"].dims == ("chain", "draw", "weight")
    stats = tree["sample_stats"]
    assert set(stats.data_vars) == {"pulses", "step", "conductance", "temperature", "device_id"}
    assert stats["device_id"].to_numpy().tolist() == ["toy-1", "toy-1"]
    assert arviz_base.extract(tree).sizes["sample"] == 60
    ess = arviz_stats.ess(tree)["weights"]
    np.testing.assert_allclose(ess, diagnose(draws.weights).ess_bulk)


def test_arviz_of_the_old_generation_takes_inference_data(draws: Draws, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it announces its own successor
        arviz = pytest.importorskip("arviz")
        if not arviz.__version__.startswith("0."):
            pytest.skip("ArviZ 1.x is installed")
        data = draws.to_inference_data()
        assert data.groups() == ["posterior", "sample_stats", "constant_data"]
        summary = arviz.summary(data)
        again = arviz.from_netcdf(str(draws.to_netcdf(tmp_path / "draws.nc")))
    assert len(summary) == 31
    np.testing.assert_allclose(
        summary["ess_bulk"], diagnose(draws.weights).ess_bulk, rtol=0.02, atol=1
    )
    np.testing.assert_array_equal(again.posterior["weights"], draws.weights)
    np.testing.assert_array_equal(again.sample_stats["conductance"], draws.conductance)


def test_a_run_is_exported_as_netcdf(runs: list[Run], tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    file = export_arviz(runs[1], tmp_path / "run.nc")
    with xarray.open_datatree(file) as tree:
        assert tree["posterior"]["weights"].shape == (1, 40, 31)
        assert tree["posterior"]["weights"].coords["weight"].to_numpy()[0] == "bias"
        assert tree["sample_stats"]["conductance"].attrs["units"] == "S"
        assert tree["posterior"].attrs["task"] == "breast_cancer"


def test_the_command_exports_the_draws_of_a_run(runs: list[Run], tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    words = ["data", "export", str(runs[1].path), "--kind", "arviz", "--to", str(tmp_path / "d.nc")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    with xarray.open_datatree(tmp_path / "d.nc") as tree:
        assert tree["posterior"]["weights"].shape == (1, 40, 31)
    again = CliRunner().invoke(app, words)
    assert isinstance(again.exception, StoreError)
    assert "--force" in str(again.exception)


def test_a_run_without_draws_is_refused(runs: list[Run]) -> None:
    with pytest.raises(StoreError, match="a run of read_map, which draws no chain of one"):
        draws_of(runs[3])


def test_a_file_that_cannot_be_written_is_told(draws: Draws, tmp_path: Path) -> None:
    pytest.importorskip("h5netcdf")
    with pytest.raises(StoreError, match="cannot be written"):
        draws.to_netcdf(tmp_path / "missing" / "draws.nc")
