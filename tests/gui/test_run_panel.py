import pytest
from PyQt6.QtCore import Qt

from labctl.gui.run_panel import RunPanel

pytestmark = pytest.mark.window

CELLS = {"name": "cells", "label": "Cells", "type": "cells", "default": "all"}
VOLTAGE = {
    "name": "voltage", "label": "Read voltage", "type": "float", "units": "V",
    "minimum": 0.0, "maximum": 0.5, "default": 0.2,
}  # fmt: skip
PROCEDURES = [
    {"name": "anneal", "text": "A lab's own.", "parameters": [CELLS]},
    {"name": "form", "text": "Form cells.", "parameters": [CELLS]},
    {"name": "read_map", "text": "Read cells.", "parameters": [CELLS, VOLTAGE]},
]


@pytest.fixture
def panel(qtbot):
    panel = RunPanel()
    qtbot.addWidget(panel)
    panel.set_procedures(PROCEDURES)
    panel.set_engine_state("idle", latched=False)
    return panel


def started(qtbot, panel):
    with qtbot.waitSignal(panel.start_requested, timeout=30_000) as caught:
        qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    return caught.args


def test_every_procedure_is_offered_reading_and_forming_first(panel):
    offered = [panel._choice.itemText(i) for i in range(panel._choice.count())]
    assert offered == ["read_map", "form", "anneal"]


def test_start_sends_procedure_and_values(qtbot, panel):
    panel.form.set_text("voltage", "150 mV")
    assert started(qtbot, panel) == ["read_map", {"cells": "all", "voltage": 0.15}]


def test_a_wrong_value_is_explained_and_not_sent(qtbot, panel):
    panel.form.set_text("voltage", "0.7")
    with qtbot.assertNotEmitted(panel.start_requested):
        qtbot.mouseClick(panel.start, Qt.MouseButton.LeftButton)
    assert "0.7 V is above 0.5 V" in panel.problem
    panel.form.set_text("voltage", "0.1")
    assert panel.problem == ""


def test_selected_cells_go_into_the_form_and_stay_for_the_next_procedure(qtbot, panel):
    with qtbot.waitSignal(panel.cells_changed, timeout=30_000) as caught:
        panel.set_cells("0..3,0..7")
    assert caught.args == ["0..3,0..7"]
    panel.choose("form")
    assert started(qtbot, panel) == ["form", {"cells": "0..3,0..7"}]


def test_entries_are_kept_while_another_procedure_is_looked_at(panel):
    panel.form.set_text("voltage", "0.1")
    panel.choose("form")
    panel.choose("read_map")
    assert panel.form.text("voltage") == "0.1"


@pytest.mark.parametrize(
    ("state", "latched", "start", "pause", "abort"),
    [
        ("unknown", False, None, None, None),
        ("idle", False, "Start", None, None),
        ("running", False, "Add to the queue", "Pause", "Abort"),
        ("paused", False, "Add to the queue", "Resume", "Abort"),
        ("aborting", False, "Add to the queue", None, None),
        ("idle", True, None, None, None),
    ],
)
def test_buttons_offer_what_the_engine_can_do(panel, state, latched, start, pause, abort):
    panel.set_engine_state(state, latched)
    offered = [
        button.text() if button.isEnabled() else None
        for button in (panel.start, panel.pause, panel.abort)
    ]
    assert offered == [start, pause, abort]
