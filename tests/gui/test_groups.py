"""Which parameters the form shows, beside what pymeasure's own form shows."""

import pytest
from pymeasure.display.widgets.inputs_widget import InputsWidget

from labctl.gui.parameter_form import ParameterForm
from tests.test_visibility import Anneal

pytestmark = pytest.mark.window

NAMES = [d["name"] for d in Anneal.declaration() if d["name"] not in ("odd", "rest")]


@pytest.fixture
def forms(qtbot):
    own, theirs = ParameterForm(Anneal.declaration()), InputsWidget(Anneal, inputs=NAMES)
    for widget in (own, theirs):
        qtbot.addWidget(widget)
        with qtbot.waitExposed(widget):
            widget.show()
    return own, theirs


@pytest.mark.parametrize("mode", ["pulse", "ramp", "hold"])
@pytest.mark.parametrize("verify", [False, True])
@pytest.mark.parametrize("repeats", [1, 2])
def test_the_form_shows_what_pymeasures_own_form_shows(forms, mode, verify, repeats):
    own, theirs = forms
    own.set_text("mode", mode)
    own.set_text("verify", str(verify).lower())
    own.set_text("repeats", str(repeats))
    theirs.mode.setValue(mode)
    theirs.verify.setValue(verify)
    theirs.repeats.setValue(repeats)
    hidden = {name for name in NAMES if getattr(theirs, name).isHidden()}
    assert own.hidden() - {"odd", "rest"} == hidden
    for name, field in own._fields.items():
        assert field.widget.isVisible() == (name not in own.hidden())


def test_what_is_hidden_is_neither_sent_nor_found_wrong(forms):
    own, _ = forms
    own.set_text("slope", "steep")
    assert own.errors() == {}
    assert set(own.values()) == {"mode", "verify", "repeats", "level", "width", "odd", "lost"}
    own.set_text("mode", "ramp")
    assert set(own.errors()) == {"slope"}
    own.set_text("slope", "3")
    own.set_text("level", "2.5 V")
    assert own.values() == {
        "mode": "ramp", "verify": False, "repeats": 1, "level": 2.5, "slope": 3.0, "rest": 0.0,
        "odd": 0.0, "lost": 0.0,
    }  # fmt: skip
    Anneal(**own.values()).check((4, 4))
