import numpy as np
import pytest
from PyQt6.QtCore import QPoint, Qt

from labctl.gui.cell_states import CellStates
from labctl.gui.chip_map import ChipMap

pytestmark = pytest.mark.window


@pytest.fixture
def chip_map(qtbot):
    chip_map = ChipMap((4, 6))
    qtbot.addWidget(chip_map)
    chip_map.resize(600, 500)
    with qtbot.waitExposed(chip_map):
        chip_map.show()
    return chip_map


@pytest.fixture
def states():
    states = CellStates((4, 6))
    states.add(
        {
            "row": np.array([0, 1, 3]),
            "col": np.array([0, 2, 5]),
            "conductance": np.array([45.6e-6, 2e-6, np.nan]),
            "flag": np.array([0, 0, 1]),
        }
    )
    return states


def place(chip_map, row, column) -> QPoint:
    return chip_map._graphics.mapFromScene(chip_map.point_of(row, column))


def drag(qtbot, chip_map, first, last, modifier=Qt.KeyboardModifier.NoModifier):
    view = chip_map._graphics.viewport()
    left = Qt.MouseButton.LeftButton
    start, end = place(chip_map, *first), place(chip_map, *last)
    qtbot.mousePress(view, left, modifier, start)
    for part in (0.3, 0.6, 1.0):
        step = start + QPoint(round(part * (end - start).x()), round(part * (end - start).y()))
        qtbot.mouseMove(view, step)
    with qtbot.waitSignal(chip_map.selected, timeout=30_000) as caught:
        qtbot.mouseRelease(view, left, modifier, end)
    return caught.args


@pytest.mark.parametrize("logarithmic", [True, False])
def test_the_map_shows_the_conductance_of_read_cells_only(chip_map, states, logarithmic):
    chip_map.logarithmic.setChecked(logarithmic)
    chip_map.show_states(states)
    shown = chip_map.shown()
    assert shown[0, 0] == pytest.approx(45.6)
    assert shown[1, 2] == pytest.approx(2.0)
    assert np.isfinite(shown).sum() == 2


def test_read_unread_and_failed_cells_look_different(chip_map, states):
    chip_map.show_states(states)
    picture = chip_map._graphics.viewport().grab().toImage()
    scale = picture.devicePixelRatio()
    colours = {
        cell: picture.pixelColor(place(chip_map, *cell) * scale).name()
        for cell in [(0, 0), (1, 2), (3, 5), (2, 2)]
    }
    assert len(set(colours.values())) == 4
    assert colours[3, 5] == "#e0245e"
    assert colours[2, 2] == "#e3e6ea"


def test_hovering_tells_cell_value_and_unit(qtbot, chip_map, states):
    chip_map.show_states(states)
    qtbot.mouseMove(chip_map._graphics.viewport(), place(chip_map, 0, 0))
    qtbot.waitUntil(lambda: chip_map.hint == "cell (0, 0): 45.6 µS", timeout=30_000)
    assert chip_map.describe(3, 5) == "cell (3, 5): failed, last reading –"
    assert chip_map.describe(2, 2) == "cell (2, 2): not read"


def test_a_drag_selects_the_cells_under_it(qtbot, chip_map):
    assert drag(qtbot, chip_map, (1, 1), (2, 4)) == ["1..2,1..4", False]


def test_a_drag_with_ctrl_adds(qtbot, chip_map):
    modifier = Qt.KeyboardModifier.ControlModifier
    assert drag(qtbot, chip_map, (0, 0), (0, 5), modifier) == ["row 0", True]


def test_a_click_selects_one_cell(qtbot, chip_map):
    with qtbot.waitSignal(chip_map.selected, timeout=30_000) as caught:
        qtbot.mouseClick(
            chip_map._graphics.viewport(), Qt.MouseButton.LeftButton, pos=place(chip_map, 2, 3)
        )
    assert caught.args == ["2,3", False]


def test_the_number_of_selected_cells_is_told(chip_map):
    mask = np.zeros((4, 6), bool)
    mask[1:3] = True
    chip_map.set_selection(mask)
    assert chip_map.hint.startswith("12 of 24 cells selected")
