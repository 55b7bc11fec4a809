"""Where the weights are, as the window shows it."""

import shutil

import numpy as np
import pytest
from PyQt6.QtCore import QPoint

from labctl.engine.client import EngineClient
from labctl.engine.runner import execute
from labctl.gui.engine_link import EngineLink
from labctl.gui.live_run import LiveRun
from labctl.gui.main_window import MainWindow
from labctl.gui.placement_view import BY_WEIGHT, PlacementView
from labctl.learn.models import Network
from labctl.learn.placementlog import PlacementLog
from labctl.learn.sampler import Chain
from labctl.learn.weights import SumOfCells
from labctl.sim.array import SimulatedArray
from labctl.store import RunReader, RunWriter
from procedures._tables import PLACEMENT
from procedures.form import Form
from procedures.transitions import Transitions
from tests.conftest import SIMULATED
from tests.learn.harness import told
from tests.learn.toy import PULSES, ToyArray

pytestmark = pytest.mark.window

DEAD = (1, 1)


@pytest.fixture
def view(qtbot):
    view = PlacementView((6, 6))
    qtbot.addWidget(view)
    view.resize(420, 560)
    with qtbot.waitExposed(view):
        view.show()
    return view


@pytest.fixture
def learner():
    """A network of two layers, 5 weights, on ten cells around one that cannot be used."""
    array = ToyArray(6, 6, seed=1, dead=[DEAD])
    calibration = told(array)
    calibration.good[DEAD] = False
    model = Network(np.zeros((4, 2)), [0, 1, 0, 1], (2, 1, 1))
    return Chain(array, model, calibration, PULSES, np.random.default_rng(0))


def tell(view, log, learner):
    rows = log.changes(learner)
    view.add("placement", {**rows, "step": np.full(len(rows["row"]), learner.steps)})


def at(view, cell) -> QPoint:
    return view._graphics.mapFromScene(view.point_of(*cell))


def colours(view, cells):
    """The colour of each cell beside what is written on its middle."""
    picture = view._graphics.viewport().grab().toImage()
    aside = QPoint(-9, -9)
    return [picture.pixelColor((at(view, c) + aside) * picture.devicePixelRatio()) for c in cells]


def test_layers_signs_free_and_unusable_cells_look_different(view, learner):
    tell(view, PlacementLog((6, 6)), learner)
    first, last = learner.placed.cells[0], learner.placed.cells[-1]
    [free] = np.argwhere(learner.placement == -1)[-1:]
    cells = [tuple(cell) for cell in (*first, *last, free, DEAD)]
    names = [colour.name() for colour in colours(view, cells)]
    assert len(set(names)) == 6
    plus, minus = colours(view, cells[:2])
    assert minus.lightness() > plus.lightness()
    assert abs(minus.hue() - plus.hue()) < 5
    assert "layer&nbsp;1&nbsp;(6)" in view.legend
    assert "layer&nbsp;2&nbsp;(4)" in view.legend
    assert "free&nbsp;(25)" in view.legend
    assert "not&nbsp;usable&nbsp;(1)" in view.legend
    assert "given" not in view.legend
    assert view.hint == "10 of 36 cells carry weights"


def test_colours_by_weight_are_those_of_weights(view, learner):
    tell(view, PlacementLog((6, 6)), learner)
    view.colours.setCurrentText(BY_WEIGHT)
    plus = [tuple(cell) for cell in learner.placed.cells[:, 0]]
    assert len({colour.name() for colour in colours(view, plus)}) == 5
    a, b = colours(view, [tuple(cell) for cell in learner.placed.cells[2]])
    assert abs(a.hue() - b.hue()) < 5


def test_hovering_tells_weight_layer_place_and_sign(qtbot, view, learner):
    tell(view, PlacementLog((6, 6)), learner)
    cell = tuple(int(k) for k in learner.placed.cells[4, 1])
    qtbot.mouseMove(view._graphics.viewport(), at(view, cell))
    said = f"cell {cell}: weight 4, minus · layer 2, input 1 to output 0"
    qtbot.waitUntil(lambda: view.hint == said, timeout=30_000)
    assert view.describe(*DEAD) == "cell (1, 1): not usable"
    assert view.note(*cell).startswith("weight 4, minus")
    assert view.note(*DEAD) == ""


def test_a_cell_given_up_is_crossed_and_its_spare_framed(view, learner):
    log = PlacementLog((6, 6))
    tell(view, log, learner)
    learner.prepare()
    lost = tuple(int(k) for k in learner.placed.cells[0, 0])
    learner.cells.array.dead[lost] = True
    while not learner.replaced:
        learner.step()
    spare = learner.replaced[0].spare
    before = view._graphics.viewport().grab().toImage()
    tell(view, log, learner)
    after = view._graphics.viewport().grab().toImage()
    # A frame runs 0.42 of a cell from the middle, a cross over the middle itself.
    side = (at(view, (0, 1)) - at(view, (0, 0))).x()
    frame, middle = at(view, spare) + QPoint(round(0.42 * side), 0), at(view, lost)
    assert before.pixelColor(frame) != after.pixelColor(frame)
    assert after.pixelColor(frame).lightness() < 90
    assert after.pixelColor(middle).name() == "#e0245e"
    assert view.describe(*lost) == f"cell {lost}: given up after step {learner.steps}"
    assert view.describe(*spare).endswith(f"spare for {lost}")
    assert "given&nbsp;up&nbsp;(1)" in view.legend
    assert "spare&nbsp;(1)" in view.legend


def test_a_frozen_cell_is_crossed_and_keeps_its_weight(view, learner):
    cell = tuple(int(k) for k in learner.placed.cells[4, 1])
    log = PlacementLog((6, 6))
    tell(view, log, learner)
    learner.cells.frozen[4, 1] = True
    tell(view, log, learner)
    assert view._graphics.viewport().grab().toImage().pixelColor(at(view, cell)).name() == "#e0245e"
    assert view.describe(*cell).endswith("input 1 to output 0 · frozen after step 0")
    assert "given&nbsp;up&nbsp;(1)" in view.legend
    assert "not&nbsp;usable&nbsp;(1)" in view.legend


def test_several_cells_of_one_sign_are_numbered_and_chains_are_told_apart(view):
    array = ToyArray(6, 6, seed=1)
    model = Network(np.zeros((4, 2)), [0, 1, 0, 1], (2, 1, 1))
    learner = Chain(
        array, model, told(array), PULSES, np.random.default_rng(0), encoding=SumOfCells(3),
        chains=2,
    )  # fmt: skip
    tell(view, PlacementLog((6, 6)), learner)
    cell = tuple(int(k) for k in learner.placed.cells[6, 2])
    assert view.describe(*cell) == (
        f"cell {cell}: weight 1 of chain 2, plus cell 3 · layer 1, input 1 to output 0"
    )
    assert "minus" not in view.legend


def test_it_follows_a_run_file_and_begins_anew_with_the_next(qtbot, view, learner, tmp_path):
    live = LiveRun((6, 6))
    live.began.connect(view.begin)
    live.arrived.connect(view.add)
    with RunWriter.create(tmp_path, "learn", {}, {"placement": PLACEMENT}) as writer:
        live.follow(writer.path)
        rows = PlacementLog((6, 6)).changes(learner)
        writer.append("placement", step=np.zeros(len(rows["row"]), int), **rows)
        writer.flush()
        qtbot.waitUntil(lambda: (view.states.weight >= 0).sum() == 10, timeout=30_000)
    np.testing.assert_array_equal(view.states.weight, learner.placement)
    with RunWriter.create(tmp_path, "learn", {}, {"placement": PLACEMENT}) as writer:
        live.follow(writer.path)
        assert (view.states.weight == -1).all()
        assert view.hint.startswith("No weights on the chip")
    live.leave()


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """The simulated bench with a formed chip and a calibration, and an engine that owns it."""
    monkeypatch.setenv("LABCTL_RUNTIME_DIR", str(tmp_path / "runtime"))
    bench = tmp_path / "bench.toml"
    shutil.copy(SIMULATED, bench)
    array = SimulatedArray.of_bench(bench)
    meta = {"seed": 3, "chip": "sim-16x16", "shape": [16, 16]}
    for procedure in (Form(), Transitions(passes=20, repeats=4)):
        execute(
            procedure, array=array, data_root=tmp_path / "data", meta=meta
        ).raise_unless_finished()
    array.chip.save(tmp_path / "chip.npz")
    with bench.open("a", encoding="utf-8") as file:
        file.write(f'state = "{(tmp_path / "chip.npz").as_posix()}"\n')
    with EngineClient.start(bench, tmp_path / "data") as client:
        yield tmp_path
        client.shutdown()


def test_the_window_shows_where_a_learning_run_puts_its_weights(qtbot, lab):
    window = MainWindow(EngineLink(lab / "bench.toml", lab / "data"))
    with qtbot.waitExposed(window):
        window.show()
    window.link.open()
    qtbot.waitUntil(window.run_panel.start.isEnabled, timeout=30_000)
    window.distributions.setCurrentWidget(window.placement)
    window.run_panel.choose("learn")
    # So many steps that no test meets the end of them.
    for name, text in {"task": "pour", "hidden": "none", "steps": "1000000"}.items():
        window.run_panel.form.set_text(name, text)
    window.run_panel.start.click()
    qtbot.waitUntil(lambda: (window.placement.states.weight >= 0).any(), timeout=60_000)
    assert window.view.is_busy  # it is seen while it learns
    told = RunReader(window.view.run).frame("placement")
    last = told.drop_duplicates(["row", "col"], keep="last")
    carried = window.placement.states.weight
    assert carried[last["row"], last["col"]].tolist() == last["weight"].tolist()
    used = last[last["weight"] >= 0]
    assert sorted(used["weight"]) == sorted(2 * list(range(9)))
    for row in used.to_dict("records"):
        side = "plus" if row["sign"] > 0 else "minus"
        note = f" · weight {row['weight']}, {side} · input"
        assert note in window.chip_map.describe(row["row"], row["col"])
    # Nobody is taken away from what is looked at when the learning has rows.
    qtbot.waitUntil(lambda: window.learning.source != "", timeout=60_000)
    assert window.distributions.currentWidget() is window.placement
    window.link.abort()
    qtbot.waitUntil(lambda: not window.view.is_busy, timeout=60_000)
    window.close()
    window.deleteLater()
