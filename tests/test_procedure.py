"""Procedures: parameters from text and JSON, declarations, and pymeasure's own Worker."""

import json
import math
import threading

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.experiment import (
    BooleanParameter,
    FloatParameter,
    IntegerParameter,
    ListParameter,
    Results,
    VectorParameter,
    Worker,
)
from pymeasure.experiment import Procedure as PymeasureProcedure

from labctl import Bench, plugins, run
from labctl.errors import ProcedureError
from labctl.procedure import CellsParameter, Procedure
from labctl.store import Column
from tests.engine.bare import BareArray, ReadRows


class SweepGate(Procedure):
    """Sweep the gate of cells.

    More words.
    """

    width = FloatParameter("Width", units="s", default=1e-3, minimum=1e-6, maximum=1.0)
    cells = CellsParameter("Cells", default="all", description="Which cells.")
    repeats = IntegerParameter("Repeats", default=3, minimum=1)
    verify = BooleanParameter("Verify", default=True)
    mode = ListParameter("Mode", choices=["up", "down"], default="up")
    offset = FloatParameter("Offset", default=0.0)
    span = VectorParameter("Span", length=2, units="V", default=[0.0, 1.0])
    target = FloatParameter("Target", units="S")


def test_name_comes_from_the_class_and_about_from_the_docstring():
    assert SweepGate.name == "sweep_gate"
    assert SweepGate.about() == "Sweep the gate of cells."


def test_declaration_keeps_order_and_is_json():
    declared = json.loads(json.dumps(SweepGate.declaration()))
    assert [d["name"] for d in declared] == [
        *("width", "cells", "repeats", "verify", "mode", "offset", "span", "target")
    ]
    width, cells, repeats, verify, mode, offset, span, target = declared
    assert width == {
        "name": "width",
        "label": "Width",
        "type": "float",
        "units": "s",
        "minimum": 1e-6,
        "maximum": 1.0,
        "default": 1e-3,
        "choices": None,
        "text": "",
    }
    assert (cells["type"], cells["text"]) == ("cells", "Which cells.")
    assert (repeats["type"], repeats["minimum"], repeats["maximum"]) == ("integer", 1, None)
    assert verify["type"] == "boolean"
    assert (mode["type"], mode["choices"]) == ("choice", ["up", "down"])
    assert (offset["minimum"], offset["maximum"], offset["units"]) == (None, None, None)
    assert (span["type"], span["default"]) == ("vector", [0.0, 1.0])
    assert target["default"] is None


def test_derived_class_may_drop_and_replace_parameters():
    class Shorter(SweepGate):
        offset = None
        repeats = IntegerParameter("Repeats", default=9)

    names = [d["name"] for d in Shorter.declaration()]
    assert "offset" not in names
    assert Shorter().repeats == 9
    assert SweepGate().repeats == 3


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("width", "2e-3", 2e-3),
        ("width", "2 ms", 2e-3),
        ("width", "200 us", 2e-4),
        ("width", "0.5 s", 0.5),
        ("width", 1, 1.0),
        ("repeats", "7", 7),
        ("repeats", 7.0, 7),
        ("verify", "no", False),
        ("verify", 1, True),
        ("verify", False, False),
        ("mode", "down", "down"),
        ("cells", " row 3 ", "row 3"),
        ("cells", [[0, 1], (2, 3)], "0,1; 2,3"),
        ("cells", np.array([[1, 1]]), "1,1"),
        ("span", "[0.5, 2]", [0.5, 2.0]),
        ("span", (1, 2), [1.0, 2.0]),
    ],
)
def test_value_is_taken_from_text_and_json(name, given, value):
    taken = getattr(SweepGate(**{name: given}), name)
    assert taken == pytest.approx(value) if isinstance(value, float) else taken == value
    assert type(taken) is type(value)


@pytest.mark.parametrize(
    ("name", "given", "allowed"),
    [
        ("width", 2.0, "a number from 1e-06 to 1 s"),
        ("width", "2 V", "a number from 1e-06 to 1 s"),
        ("width", "nan", "a number from 1e-06 to 1 s"),
        ("width", math.inf, "a number"),
        ("width", True, "a number"),
        ("width", None, "a number"),
        ("width", "wide", "a number"),
        ("width", [1.0], "a number"),
        ("offset", "1 V", "a number"),
        ("repeats", 0, "a whole number of at least 1"),
        ("repeats", 1.5, "a whole number of at least 1"),
        ("repeats", False, "a whole number"),
        ("repeats", "many", "a whole number"),
        ("verify", "maybe", "true or false"),
        ("verify", 3, "true or false"),
        ("mode", "sideways", "one of up, down"),
        ("mode", None, "one of up, down"),
        ("cells", "", "cells, such as"),
        ("cells", 3, "cells, such as"),
        ("cells", [[1, 2, 3]], "cells, such as"),
        ("span", "[1]", "length"),
        ("span", 3, "int"),
    ],
)
def test_impossible_value_names_procedure_parameter_value_and_what_is_allowed(name, given, allowed):
    with pytest.raises(ProcedureError) as caught:
        SweepGate(**{name: given})
    message = str(caught.value)
    assert f"sweep_gate, parameter {name!r}: {given!r} is not possible" in message
    assert allowed in message


def test_unknown_parameter_gets_a_suggestion_and_nothing_is_set():
    procedure = SweepGate()
    with pytest.raises(ProcedureError, match=r"no parameter 'witdh'; did you mean 'width'\?"):
        procedure.configure({"repeats": 5, "witdh": 1.0})
    assert procedure.repeats == 3
    with pytest.raises(ProcedureError, match="it has width, cells"):
        procedure.configure({"xyz": 1.0})


def test_check_finds_missing_values_bad_assignments_and_cells_off_the_chip():
    procedure = SweepGate()
    with pytest.raises(ProcedureError, match=r"'target' needs a value"):
        procedure.check((4, 4))
    procedure.configure({"target": 1e-5, "cells": "0..5,0"})
    with pytest.raises(ProcedureError, match=r"'cells'.*row 5.*0 to 3"):
        procedure.check((4, 4))
    procedure.check((6, 4))
    procedure.width = 50.0
    with pytest.raises(ProcedureError, match=r"'width': 50"):
        procedure.check((6, 4))


@given(st.floats(1e-6, 1.0))
def test_value_survives_the_way_through_text(value):
    assert SweepGate(width=repr(value)).width == value
    assert SweepGate(width=f"{value!r} s").width == pytest.approx(value)


def test_values_of_one_procedure_are_its_own():
    first, second = SweepGate(width=0.5), SweepGate()
    assert (first.width, second.width) == (0.5, 1e-3)


class Mixed(ReadRows):
    """Rows one by one, of several types."""

    tables = {
        "cells": {
            "row": Column("int16"),
            "col": Column("int16"),
            "conductance": Column("float64", "S"),
        },
        "draws": {"value": Column("float64")},
    }


def work(procedure, tmp_path):
    """Run a procedure in pymeasure's Worker; return the CSV it made."""
    file = tmp_path / "results.csv"
    worker = Worker(Results(procedure, str(file)))
    worker.start()
    threading.Thread.join(worker, 30.0)  # the Worker's own join does not wait for its end
    assert not worker.is_alive()
    return pd.read_csv(file, comment="#")


def test_pymeasure_worker_runs_a_procedure_unchanged(tmp_path):
    procedure = Mixed()
    procedure.bind(BareArray(), rng=np.random.default_rng(1))
    frame = work(procedure, tmp_path)
    assert procedure.status == PymeasureProcedure.FINISHED
    assert procedure.cleaned == 1
    assert list(frame.columns) == ["row", "col", "conductance (S)", "draws value"]
    cells = frame.dropna(subset=["row"])
    assert cells[["row", "col"]].astype(int).to_numpy().tolist() == [
        [r, c] for r in range(4) for c in range(4)
    ]
    assert cells["conductance (S)"].tolist() == [1e-5] * 16
    assert len(frame["draws value"].dropna()) == 4


def test_pymeasure_worker_stops_within_one_cell(tmp_path):
    array, procedure = BareArray(), Mixed()
    procedure.bind(array, rng=np.random.default_rng(1))
    array.before_read = lambda cell: (
        procedure.should_stop.__self__.stop() if cell == (1, 2) else None
    )
    work(procedure, tmp_path)
    assert procedure.status == PymeasureProcedure.ABORTED
    assert array.reads[-1] == (1, 2)
    assert array.interrupt is None


def test_pymeasure_finds_estimate_and_parameters(tmp_path):
    procedure = Mixed(cells="0,0; 0,1")
    procedure.bind(BareArray())
    assert procedure.get_estimates() == pytest.approx(0.02)
    assert procedure.parameter_values() == {"cells": "0,0; 0,1"}
    assert procedure.parameters_are_set()


@pytest.mark.parametrize("name", ["form", "read_map"])
def test_pymeasure_worker_runs_the_procedures_of_labctl_on_a_bench(tmp_path, bench_file, name):
    with Bench.open(bench_file()) as bench:
        if name == "read_map":
            run("form", bench, data=tmp_path / "data", cells="0..1,0..2")
        procedure = plugins.procedure(name)(cells="0..1,0..2")
        procedure.bind(bench.array, rng=np.random.default_rng(1))
        frame = work(procedure, tmp_path)
        assert procedure.status == PymeasureProcedure.FINISHED
        own = run("read_map", bench, data=tmp_path / "data", cells="0..1,0..2").frame("cells")
    # Columns of a table that is not the first carry its name.
    table = "" if next(iter(procedure.tables)) == "cells" else "cells "
    cells = frame.dropna(subset=[f"{table}row"])
    places = [(r, c) for r in range(2) for c in range(3)]
    named = cells[[f"{table}row", f"{table}col"]].astype(int)
    assert [tuple(place) for place in named.to_numpy().tolist()] == places
    # Two reads of a cell differ by its noise.
    found = cells[f"{table}conductance (S)"].to_numpy()
    np.testing.assert_allclose(found, own["conductance"].to_numpy(), rtol=0.25)
