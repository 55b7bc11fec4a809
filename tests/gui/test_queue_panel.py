from pathlib import Path

import pytest
from PyQt6.QtCore import Qt

from labctl.gui.engine_view import EndedRun, EngineView, WaitingRun
from labctl.gui.queue_panel import QueuePanel

pytestmark = pytest.mark.window

LEFT = Qt.MouseButton.LeftButton
QUEUE = (
    WaitingRun(3, "read_map", "cells all", ""),
    WaitingRun(5, "form", "cells 0,0", "There is no procedure 'form'."),
    WaitingRun(4, "read_map", "rest of 0007-read_map", ""),
)


def view(**more):
    return EngineView("bench", "chip", (4, 4), **more)


@pytest.fixture
def panel(qtbot):
    panel = QueuePanel()
    qtbot.addWidget(panel)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.show_view(view(queue=QUEUE))
    return panel


def emitted(qtbot, signal, button):
    with qtbot.waitSignal(signal, timeout=30_000) as caught:
        qtbot.mouseClick(button, LEFT)
    return caught.args


def test_the_selected_run_is_moved_and_removed(qtbot, panel):
    assert not any(b.isEnabled() for b in (panel.up, panel.down, panel.remove))
    panel.select(5)
    assert emitted(qtbot, panel.move_requested, panel.up) == [5, "up"]
    assert emitted(qtbot, panel.move_requested, panel.down) == [5, "down"]
    assert emitted(qtbot, panel.remove_requested, panel.remove) == [5]
    panel.select(3)
    assert not panel.up.isEnabled()
    panel.select(4)
    assert not panel.down.isEnabled()


def test_the_selection_follows_its_run_and_goes_with_it(panel):
    panel.select(4)
    panel.show_view(view(queue=(QUEUE[2], *QUEUE[:2])))
    assert panel.selected() == 4
    panel.show_view(view(queue=QUEUE[:2]))
    assert panel.selected() is None
    assert not panel.remove.isEnabled()
    assert panel.lines() == ["3   read_map   cells all", "5   form   cells 0,0"]


def test_a_held_queue_says_why_and_is_released(qtbot, panel):
    assert emitted(qtbot, panel.hold_requested, panel.hold) == []
    panel.show_view(view(queue=QUEUE, held="The bench failed."))
    assert panel._why.text() == "Held. The bench failed."
    assert emitted(qtbot, panel.release_requested, panel.hold) == []
    panel.show_view(view(queue=QUEUE, held="Stopped.", latched="emergency stop"))
    assert not panel.hold.isEnabled()


def test_what_was_cut_short_is_offered(qtbot, panel, tmp_path):
    cut = EndedRun(2, "0007-read_map", Path(tmp_path), "interrupted", "")
    assert not panel._offer.isVisible()
    panel.show_view(view(unfinished=cut))
    assert panel._offer.isVisible()
    assert emitted(qtbot, panel.resume_requested, panel.resume) == [str(tmp_path)]
    assert emitted(qtbot, panel.dismiss_requested, panel.dismiss) == []
    panel.show_nothing()
    assert not panel._offer.isVisible()
    assert not panel.hold.isEnabled()
