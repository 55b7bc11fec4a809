import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from labctl.analysis.plot import plot_frames, plot_run
from labctl.store import Column, Run, RunWriter
from tests.analysis import synthetic
from tests.analysis.figures.looking import drawn, texts


def run_of(tmp_path, procedure, **frames):
    """Write a run as the engine does, and return it as a reader finds it."""
    tables = {
        table: {
            name: Column(str(kind), "S" if name == "conductance" else "")
            for name, kind in frame.dtypes.items()
        }
        for table, frame in frames.items()
    }
    with RunWriter.create(tmp_path, procedure, {}, tables) as writer:
        for table, frame in frames.items():
            if len(frame):
                writer.append(table, **{name: frame[name].to_numpy() for name in frame})
        writer.finish("finished")
    return Run(writer.path)


def test_a_read_map_is_a_map_and_its_distribution_saved_where_asked(tmp_path):
    rng = np.random.default_rng(14)
    run = run_of(tmp_path, "read_map", cells=synthetic.read_map(rng, synthetic.forming(rng)))
    figure = plot_run(run, tmp_path / "out" / "map.png")
    assert (tmp_path / "out" / "map.png").stat().st_size > 10_000
    words = texts(figure)
    assert run.path.name in words
    assert "Conductance map" in words
    assert "no reading (2)" in words
    assert "cells: n = 254" in words


def test_a_forming_run_marks_what_did_not_form(tmp_path):
    cells = synthetic.forming(np.random.default_rng(15))
    words = texts(drawn(plot_run(run_of(tmp_path, "form", cells=cells))))
    assert f"not formed ({(~cells['formed']).sum()})" in words
    assert "bit-line voltage (V)" in words


def test_transitions_are_steps_and_a_map(tmp_path):
    frame = synthetic.transitions(np.random.default_rng(16), 500)
    words = texts(drawn(plot_run(run_of(tmp_path, "transitions", transitions=frame))))
    assert "change of conductance (µS)" in words
    assert "conductance after (µS)" in words


def test_a_programming_run_shows_its_error(tmp_path):
    cells = pd.DataFrame(
        {
            "row": np.int16([0, 0, 1]),
            "col": np.int16([0, 1, 0]),
            "target": [20e-6, 30e-6, 40e-6],
            "conductance": [21e-6, 29e-6, 41e-6],
        }
    )
    words = texts(drawn(plot_run(run_of(tmp_path, "program", cells=cells))))
    assert "Programming error" in words
    assert "target (µS)" in words


def test_any_other_run_shows_its_numbers_against_the_step_with_their_units(tmp_path):
    frame = pd.DataFrame(
        {"step": np.arange(5), "log_posterior": np.arange(5.0), "conductance": np.ones(5)}
    )
    figure = drawn(plot_run(run_of(tmp_path, "mine", trace=frame)))
    first, second = (axes for axes in figure.axes if axes.axison)
    assert first.get_ylabel() == "log posterior"
    assert second.get_ylabel() == "conductance (µS)"
    assert second.lines[0].get_ydata().tolist() == [1e6] * 5
    assert first.get_xlabel() == "step"


def test_runs_without_rows_or_numbers_say_no_data(tmp_path):
    rng = np.random.default_rng(17)
    empty = synthetic.read_map(rng, synthetic.forming(rng)).iloc[:0]
    assert texts(drawn(plot_run(run_of(tmp_path, "read_map", cells=empty)))).count("no data") == 3
    for frames in ({}, {"log": pd.DataFrame({"text": ["a"]})}):
        assert "no data" in texts(drawn(plot_frames(frames)))
    for table, columns in (
        ("transitions", ["before", "after", "polarity"]),
        ("cells", ["row", "col", "conductance", "target"]),
        ("cells", ["row", "col", "conductance", "formed", "voltage"]),
    ):
        blank = pd.DataFrame({name: np.empty(0) for name in columns})
        assert "no data" in texts(drawn(plot_frames({table: blank})))


def test_the_last_good_reading_of_a_repeated_map_is_shown():
    cells = pd.DataFrame(
        {
            "row": [0, 0, 0, 0],
            "col": [0, 1, 0, 1],
            "conductance": [1e-6, 2e-6, 3e-6, 4e-6],
            "flag": [0, 0, 0, 1],
        }
    )
    figure = plot_frames({"cells": cells})
    mesh = next(c for c in figure.axes[0].collections if isinstance(c, QuadMesh))
    assert mesh.get_array().ravel().tolist() == pytest.approx([3.0, 2.0])
