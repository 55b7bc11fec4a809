import pytest

from labctl import plugins
from labctl.gui.parameter_form import ParameterForm

pytestmark = pytest.mark.window

DECLARATIONS = [
    {"name": "cells", "label": "Cells", "type": "cells", "default": "all"},
    {
        "name": "voltage", "label": "Read voltage", "type": "float", "units": "V",
        "minimum": 0.01, "maximum": 0.5, "default": 0.2, "text": "On the bit line.",
    },
    {"name": "width", "label": "Pulse width", "type": "float", "units": "s", "default": 200e-6},
    {"name": "repeats", "label": "Repeats", "type": "integer", "minimum": 1, "default": 3},
    {"name": "check", "label": "Check", "type": "boolean", "default": True},
    {"name": "order", "label": "Order", "type": "choice", "choices": ["rows", "cheapest"],
     "default": "cheapest"},
    {"name": "levels", "label": "Levels", "type": "vector", "default": [1.0, 2.5]},
]  # fmt: skip
DEFAULTS = {
    "cells": "all", "voltage": 0.2, "width": 200e-6, "repeats": 3, "check": True,
    "order": "cheapest", "levels": [1.0, 2.5],
}  # fmt: skip


@pytest.fixture
def form(qtbot):
    form = ParameterForm(DECLARATIONS)
    qtbot.addWidget(form)
    return form


def test_defaults_go_round(form):
    assert form.values() == DEFAULTS
    assert form.text("width") == "200 µs"


def test_entries_become_values_in_the_declared_unit(form):
    for name, text in {
        "cells": "0..3,5", "voltage": "150 mV", "width": "0.5ms", "repeats": "7",
        "check": "false", "order": "rows", "levels": "3, 4",
    }.items():  # fmt: skip
        form.set_text(name, text)
    assert form.errors() == {}
    assert form.values() == {
        "cells": "0..3,5", "voltage": 0.15, "width": 0.5e-3, "repeats": 7, "check": False,
        "order": "rows", "levels": [3.0, 4.0],
    }  # fmt: skip
    form.reset()
    assert form.values() == DEFAULTS


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("voltage", "0.6", r"Read voltage \(V\): 0.6 V is above 0.5 V"),
        ("voltage", "0", r"Read voltage \(V\): 0 V is below 10 mV"),
        ("voltage", "much", "is not a number"),
        ("repeats", "2.5", "not a whole number"),
        ("repeats", "0", "Repeats: 0 is below 1"),
        ("levels", "1; x", "not a list of numbers"),
    ],
)
def test_a_wrong_entry_is_marked_explained_and_not_given_out(form, name, text, complaint):
    form.set_text(name, text)
    with pytest.raises(ValueError, match=complaint):
        form.values()
    assert list(form.errors()) == [name]


def test_tool_tips_tell_meaning_bounds_and_default(form):
    tip = form._fields["voltage"].widget.toolTip()
    assert "On the bit line." in tip
    assert "10 mV to 0.5 V" in tip
    assert "default: 0.2 V" in tip


@pytest.mark.parametrize("name", sorted(plugins.procedures()))
def test_the_form_of_every_procedure_fits_into_its_panel(qtbot, name):
    form = ParameterForm(plugins.procedures()[name].declaration())
    qtbot.addWidget(form)
    # 290 px less the panel's margins and the scroll bar (RunPanel).
    assert form.minimumSizeHint().width() <= 254
