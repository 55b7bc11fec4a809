"""Parameters that count only with some values of others: command line, schema, engine."""

import json

import jsonschema
import pytest
from pymeasure.experiment import BooleanParameter, FloatParameter, IntegerParameter, ListParameter
from typer.testing import CliRunner

from labctl import plugins
from labctl.cli import app
from labctl.errors import ProcedureError
from labctl.procedure import Procedure
from labctl.schema import schema_of
from labctl.visibility import Between, counts


class Anneal(Procedure):
    """Anneal cells."""

    mode = ListParameter("Mode", choices=["pulse", "ramp", "hold"], default="pulse")
    verify = BooleanParameter("Verify", default=False)
    repeats = IntegerParameter("Repeats", default=1, minimum=1, maximum=100)
    level = FloatParameter("Level", units="V", default=1.0, minimum=0.0, maximum=5.0)
    width = FloatParameter("Width", units="s", default=1e-3, group_by="mode",
                           group_condition="pulse")  # fmt: skip
    slope = FloatParameter("Slope", units="V/s", group_by="mode",
                           group_condition=lambda mode: mode != "pulse")  # fmt: skip
    tolerance = FloatParameter("Tolerance", default=0.1, group_by=["verify", "mode"],
                               group_condition=[True, "pulse"])  # fmt: skip
    pause = FloatParameter("Pause", default=0.0, group_by={"repeats": lambda n: n > 1})
    rest = FloatParameter("Rest", default=0.0, group_by={"level": Between(2.0)})
    odd = FloatParameter("Odd", default=0.0, group_by={"level": lambda level: level > 3.0})
    lost = FloatParameter("Lost", default=0.0, group_by="nobody")


WHEN = {
    "width": {"mode": {"in": ["pulse"]}},
    "slope": {"mode": {"in": ["ramp", "hold"]}},
    "tolerance": {"verify": {"in": [True]}, "mode": {"in": ["pulse"]}},
    "pause": {"repeats": {"in": list(range(2, 101))}},
    "rest": {"level": {"minimum": 2.0}},
}
CASES = [
    # given, the one that does not count (None where all do)
    ({}, None),
    ({"width": 1e-4}, None),
    ({"mode": "ramp", "slope": 2.0}, None),
    ({"mode": "ramp", "slope": 2.0, "width": 1e-4}, "width"),
    ({"slope": 2.0}, "slope"),
    ({"tolerance": 0.2}, "tolerance"),
    ({"verify": True, "tolerance": 0.2}, None),
    ({"verify": True, "mode": "hold", "slope": 1.0, "tolerance": 0.2}, "tolerance"),
    ({"pause": 1.0}, "pause"),
    ({"repeats": 2, "pause": 1.0}, None),
    ({"rest": 1.0}, "rest"),
    ({"level": 2.0, "rest": 1.0}, None),
    ({"lost": 1.0}, None),
]


def test_what_can_be_told_is_declared_as_json():
    declared = {each["name"]: each for each in json.loads(json.dumps(Anneal.declaration()))}
    assert {n: each.get("visible_when") for n, each in declared.items()} == {
        **dict.fromkeys(declared), **WHEN,
    }  # fmt: skip


@pytest.mark.parametrize(("given", "idle"), CASES)
def test_what_does_not_count_is_refused_by_procedure_and_schema_alike(given, idle):
    schema = schema_of(Anneal)
    jsonschema.Draft202012Validator.check_schema(schema)
    judge = jsonschema.Draft202012Validator(schema)
    procedure = Anneal(**given)
    if idle is None:
        procedure.refuse_idle(given)
        judge.validate(given)
        return
    with pytest.raises(ProcedureError, match=f"'{idle}' counts only where"):
        procedure.refuse_idle(given)
    assert not judge.is_valid(given)


def test_the_refusal_says_when_it_would_count():
    procedure = Anneal(mode="ramp", slope=1.0, tolerance=1.0)
    with pytest.raises(ProcedureError) as caught:
        procedure.refuse_idle(["tolerance"])
    assert str(caught.value) == (
        "Procedure anneal, parameter 'tolerance' counts only where verify is true, and mode is "
        "pulse; verify is False, mode is ramp. Change that, or leave tolerance out."
    )
    with pytest.raises(ProcedureError, match=r"only where level is otherwise; level is 1\.0"):
        procedure.refuse_idle(["odd"])
    Anneal(level=4.0).refuse_idle(["odd"])


def test_only_a_parameter_that_counts_needs_a_value():
    Anneal().check((4, 4))
    with pytest.raises(ProcedureError, match="'slope' needs a value"):
        Anneal(mode="hold").check((4, 4))
    judge = jsonschema.Draft202012Validator(schema_of(Anneal))
    assert not judge.is_valid({"mode": "hold"})
    assert not judge.is_valid({"level": 9.0})
    assert not judge.is_valid({"levels": 1.0})
    assert judge.is_valid({"level": "200 mV"})


def test_a_stored_run_names_all_its_parameters_and_takes_them_again():
    Anneal(**Anneal(mode="ramp", slope=2.0).values()).check((4, 4))


@pytest.mark.parametrize("name", sorted(plugins.procedures()))
def test_every_procedure_takes_its_defaults_and_so_does_its_schema(name):
    found = plugins.procedure(name)
    judge = jsonschema.Draft202012Validator(schema_of(found))
    known, values = found().parameter_objects(), found().values()
    defaults = {
        name: value
        for name, value in values.items()
        if value is not None and counts(known[name], known, values)
    }
    judge.validate(json.loads(json.dumps(defaults)))
    assert not judge.is_valid({"no_such_parameter": 1})


def test_schema_by_command():
    done = CliRunner().invoke(app, ["procedures", "read_map", "--schema"])
    schema = json.loads(done.output)
    assert schema["properties"]["voltage"]["unit"] == "V"
    assert schema["properties"]["repeats"]["minimum"] == 1
    everything = json.loads(CliRunner().invoke(app, ["procedures", "--schema"]).output)
    assert everything["read_map"] == schema
    assert set(everything) == set(plugins.procedures())
