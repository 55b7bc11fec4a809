from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import Qt

from labctl.gui.label_dialog import LabelDialog
from labctl.gui.learning_view import LearningView
from labctl.gui.live_run import LiveRun
from labctl.learn.oracles import (
    ANSWERS,
    QUESTIONS,
    Question,
    Questions,
    read_answers,
    write_answer,
    write_questions,
)
from labctl.store import RunWriter
from procedures.active_learn import ActiveLearn

pytestmark = pytest.mark.window


@pytest.fixture
def view(qtbot):
    view = LearningView()
    qtbot.addWidget(view)
    return view


def rounds(count, first=0):
    k = np.arange(first, first + count)
    return {
        "labelled": 20 + 10 * k,
        "accuracy": 0.5 + 0.01 * k,
        "nll": 1.0 / (k + 1),
        "aleatoric": 0.3 + 0.0 * k,
        "epistemic": 0.4 / (k + 1),
        "pulses": 1000 * (k + 1),
    }


def test_the_learning_curve_grows_with_the_rounds(view):
    assert view.numbers == "nothing learned yet"
    assert view.add("rounds", rounds(2))
    assert view.add("rounds", rounds(1, first=2))
    x, y = view.curve()
    np.testing.assert_allclose(x, [20, 30, 40])
    np.testing.assert_allclose(y, [50, 51, 52])
    assert view.numbers == "40 labels    accuracy 52.0 %    epistemic 0.133 nat    3000 pulses"
    view.begin()
    assert view.source == ""
    assert len(view.curve()[0]) == 0


def test_a_chain_shows_its_likelihood_and_better_tables_come_first(view):
    assert view.add("trace", {"step": np.arange(3), "nll": np.array([0.9, 0.5, 0.3])})
    np.testing.assert_allclose(view.curve()[1], [0.9, 0.5, 0.3])
    assert view.numbers == "step 2    0.3 nat"
    assert not view.add("pulses", {"step": np.arange(3)})
    view.add("progress", {"step": np.array([50]), "accuracy": np.array([0.9])})
    assert view.source == "progress"


def test_rounds_without_test_samples_show_the_doubt(view):
    view.add("rounds", rounds(2) | {"accuracy": np.full(2, np.nan), "nll": np.full(2, np.nan)})
    assert view.numbers == "30 labels    epistemic 0.2 nat    2000 pulses"


def test_it_follows_a_run_file(qtbot, view, tmp_path):
    live = LiveRun((4, 4))
    live.began.connect(view.begin)
    live.arrived.connect(view.add)
    with RunWriter.create(tmp_path, "active_learn", {}, ActiveLearn.tables) as writer:
        live.follow(writer.path)
        for k in range(3):
            one = {name: values[0] for name, values in rounds(1, k).items()}
            writer.append("rounds", round=k, time=1.0, balanced_accuracy=0.5, ece=0.1, **one)
        writer.flush()
        qtbot.waitUntil(lambda: len(view.curve()[0]) == 3, timeout=30_000)
    live.leave()


@pytest.fixture
def dialog(qtbot):
    dialog = LabelDialog()
    qtbot.addWidget(dialog)
    return dialog


def ask(folder, *index, image=None, classes=("spilt", "poured")):
    samples = tuple(Question(k, (0.1 * k, 1.0)) for k in index)
    write_questions(folder, Questions(samples, ("tilt", "height"), classes, image))


def test_a_person_answers_sample_after_sample(qtbot, dialog, tmp_path: Path):
    dialog.look(None)
    assert not dialog.isVisible()
    ask(tmp_path, 5, 8, 2)
    dialog.look(tmp_path)
    assert dialog.isVisible()
    assert dialog.question.index == 5
    qtbot.mouseClick(dialog.buttons[1], Qt.MouseButton.LeftButton)
    assert dialog.question.index == 8
    qtbot.mouseClick(dialog.cannot_tell, Qt.MouseButton.LeftButton)
    qtbot.keyClick(dialog, Qt.Key.Key_0)
    answers = read_answers(tmp_path, ("spilt", "poured")).labels
    assert {k: str(v) for k, v in answers.items()} == {5: "1.0", 8: "nan", 2: "0.0"}
    assert not dialog.isVisible()
    assert dialog.question is None


def test_a_key_is_the_class_of_that_name_where_classes_are_numbers(qtbot, dialog, tmp_path: Path):
    ask(tmp_path, 5, classes=("1", "2"))
    dialog.look(tmp_path)
    assert [button.toolTip() for button in dialog.buttons] == ["Key 1", "Key 2"]
    qtbot.keyClick(dialog, Qt.Key.Key_0)
    assert dialog.question.index == 5
    qtbot.keyClick(dialog, Qt.Key.Key_1)
    assert read_answers(tmp_path, ("1", "2")).labels == {5: 0.0}


def test_a_line_that_is_no_answer_is_shown_and_its_sample_asked_again(dialog, tmp_path: Path):
    ask(tmp_path, 5, 8)
    write_answer(tmp_path, 5, "poured")
    write_answer(tmp_path, 8, "dropped")
    dialog.look(tmp_path)
    assert dialog.question.index == 8
    assert "line 2 ('8,dropped')" in dialog._problem.text()


def test_what_was_answered_before_is_not_asked_again(dialog, tmp_path: Path):
    ask(tmp_path, 5, 8)
    write_answer(tmp_path, 5, "poured")
    dialog.look(tmp_path)
    assert dialog.question.index == 8


def test_the_dialog_goes_with_the_questions_and_comes_with_new_ones(dialog, tmp_path: Path):
    ask(tmp_path, 5)
    dialog.look(tmp_path)
    (tmp_path / QUESTIONS).unlink()
    dialog.look(tmp_path)
    assert not dialog.isVisible()
    ask(tmp_path, 6, image=(1, 2))
    dialog.look(tmp_path)
    assert dialog.question.index == 6


def test_a_dialog_that_was_closed_stays_closed_for_these_samples(dialog, tmp_path: Path):
    ask(tmp_path, 5)
    dialog.look(tmp_path)
    dialog.reject()
    dialog.look(tmp_path)
    assert not dialog.isVisible()
    assert dialog.put_off == 1
    dialog.come_back()
    assert dialog.isVisible()
    assert dialog.put_off == 0
    dialog.reject()
    ask(tmp_path, 7)
    dialog.look(tmp_path)
    assert dialog.isVisible()


def test_a_broken_line_among_the_answers_is_shown(dialog, tmp_path: Path):
    ask(tmp_path, 5)
    (tmp_path / ANSWERS).write_text("nonsense\n", encoding="utf-8")
    dialog.look(tmp_path)
    assert dialog.isVisible()
    assert "no answer in line 1" in dialog._problem.text()
