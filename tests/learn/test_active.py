from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from labctl.errors import ProcedureError
from labctl.learn.active import ActiveLearner, Round
from labctl.learn.oracles import (
    ANSWERS,
    QUESTIONS,
    FileOracle,
    TableOracle,
    TerminalOracle,
    answer_at_terminal,
    read_answers,
    read_questions,
    write_answer,
)
from labctl.learn.pool import Pool

CLASSES = ("left", "right")


class Border:
    """A posterior over the place of a border on a line: draws between the labels seen."""

    def fit(self, X: NDArray[np.float64], y: NDArray[np.int64]) -> Border:
        low = X[y == 0].max(initial=-1.0)
        high = X[y == 1].min(initial=1.0)
        self.borders = np.linspace(low, high, 9)[1:-1]
        return self

    def sample_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        p = 1.0 / (1.0 + np.exp(-40 * (X[None, :, 0] - self.borders[:, None])))
        return np.stack([1 - p, p], axis=-1)


def line(count: int = 201, border: float = 0.4) -> tuple[Pool, TableOracle]:
    x = np.linspace(-1, 1, count)[:, None]
    return Pool.of(x, classes=CLASSES), TableOracle((x[:, 0] > border).astype(float))


def learner(seed: int = 0, **changes: Any) -> ActiveLearner:
    pool, oracle = line()
    settings = {"batch": 2, "initial": 4, "rng": np.random.default_rng(seed)} | changes
    return ActiveLearner(Border(), pool, settings.pop("oracle", oracle), **settings)


def width(one: ActiveLearner) -> float:
    borders = one.estimator.borders  # type: ignore[attr-defined]
    return float(borders[-1] - borders[0])


@pytest.mark.parametrize("name", ["bald", "straddle", "margin"])
def test_asking_halves_the_doubt_and_chance_does_not(name: str) -> None:
    asking, chance = learner(acquisition=name), learner(acquisition="random")
    for _ in range(8):
        asking.step()
        chance.step()
    assert width(asking) < 0.011
    assert width(chance) > 2 * width(asking)


def test_the_rounds_are_counted_and_nothing_is_asked_twice() -> None:
    one = learner()
    rounds = [one.step() for _ in range(5)]
    asked = np.concatenate([done.asked for done in rounds])
    assert [done.number for done in rounds] == list(range(5))
    assert len(set(asked.tolist())) == len(asked)
    assert [done.labelled for done in rounds][-1] == len(asked) == len(one.order)


def test_it_asks_on_until_two_classes_are_known() -> None:
    pool, oracle = line(border=0.985)  # two of 201 are on the right
    one = ActiveLearner(Border(), pool, oracle, batch=2, initial=2, rng=np.random.default_rng(0))
    first = one.step()
    assert set(first.labels.tolist()) == {0.0, 1.0}
    assert first.labelled > 2


def test_a_pool_of_one_class_is_told() -> None:
    pool, oracle = line(count=9, border=2.0)
    one = ActiveLearner(Border(), pool, oracle, batch=3, initial=2, rng=np.random.default_rng(0))
    with pytest.raises(ProcedureError, match="All 9 labels are of one class"):
        one.step()


def test_an_oracle_that_can_tell_nothing_is_told() -> None:
    one = learner(oracle=lambda index, x: np.full(len(index), np.nan))
    with pytest.raises(ProcedureError, match="None of the 201 samples asked for could be labelled"):
        one.step()


@pytest.mark.parametrize("answers", [["left"] * 4, ["1"] * 4, [[0], [0, 1], [1], [1]]])
def test_an_oracle_that_gives_no_numbers_is_told(answers: Any) -> None:
    one = learner(oracle=lambda index, x: answers)
    with pytest.raises(ProcedureError, match="The oracle gave"):
        one.step()


def test_what_nobody_can_label_is_not_asked_again() -> None:
    pool, table = line()

    def oracle(index: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(index % 3 == 0, np.nan, table(index, x))

    one = ActiveLearner(Border(), pool, oracle, batch=3, initial=9, rng=np.random.default_rng(0))
    for _ in range(6):
        one.step()
    assert one.skipped
    assert all(k % 3 == 0 for k in one.skipped)
    assert not set(one.skipped) & set(one.order)
    assert not set(one.skipped) & set(one.candidates.tolist())


def test_labels_known_beforehand_are_not_asked_for() -> None:
    pool, oracle = line()
    known = np.full(len(pool), np.nan)
    known[:100] = 0.0
    known[200] = 1.0
    one = ActiveLearner(
        Border(), Pool.of(pool.x, known), oracle, batch=2, initial=1, rng=np.random.default_rng(0)
    )
    assert one.step().labelled == 102


def test_an_empty_pool_is_told() -> None:
    pool, oracle = line(count=6)
    one = ActiveLearner(Border(), pool, oracle, initial=6, rng=np.random.default_rng(0))
    one.step()
    with pytest.raises(ProcedureError, match="Nothing is left to ask for"):
        one.step()


def test_it_goes_on_where_it_was_broken_off() -> None:
    whole, first = learner(3, acquisition="powerbald"), learner(3, acquisition="powerbald")
    expected = [whole.step() for _ in range(6)]
    for _ in range(3):
        first.step()
    saved = first.state()
    second = learner(77, acquisition="powerbald")
    second.restore(saved)
    second.learn()
    assert [done.asked.tolist() for done in (second.step() for _ in range(3))] == [
        done.asked.tolist() for done in expected[3:]
    ]
    assert second.labelled.tolist() == whole.labelled.tolist()


def test_a_state_of_another_pool_is_refused() -> None:
    one = learner()
    one.step()
    small = ActiveLearner(Border(), line(3)[0], line(3)[1])
    with pytest.raises(ProcedureError, match="this pool ends at 2"):
        small.restore(one.state())


@pytest.mark.parametrize("answer", [[0.5, 1.0], [0.0], [7.0, 1.0]])
def test_answers_that_are_no_classes_are_refused(answer: list[float]) -> None:
    one = learner(oracle=lambda index, x: np.array(answer), initial=2)
    with pytest.raises(ProcedureError, match="The oracle"):
        one.step()


def test_a_strategy_chooses_for_itself() -> None:
    class Highest:
        def choose(self, estimator: Any, x: Any, labels: Any, candidates: Any, batch: int) -> Any:
            assert np.isnan(labels[candidates]).all()
            return candidates[-batch:]

    one = learner(acquisition=Highest())
    one.step()
    done: Round = one.step()
    assert done.asked.min() >= 195


def test_a_pool_comes_from_csv(tmp_path: Path) -> None:
    file = tmp_path / "pool.csv"
    file.write_text("tilt,height,outcome\n1,2.5,spill\n2,3.5,\n3,4.5,pour\n", encoding="utf-8")
    pool = Pool.from_csv(file, label="outcome")
    assert pool.features == ("tilt", "height")
    assert pool.classes == ("pour", "spill")
    np.testing.assert_array_equal(pool.labels, [1.0, np.nan, 0.0])
    np.testing.assert_array_equal(pool.x, [[1, 2.5], [2, 3.5], [3, 4.5]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("2", "", "10"), ("2", "10")),
        (("2.5", "", "1"), ("1", "2.5")),
        (("True", "", "False"), ("False", "True")),
    ],
)
def test_classes_are_called_what_the_file_calls_them(
    tmp_path: Path, labels: tuple[str, ...], classes: tuple[str, ...]
) -> None:
    file = tmp_path / "pool.csv"
    file.write_text("a,y\n" + "".join(f"1,{y}\n" for y in labels), encoding="utf-8")
    pool = Pool.from_csv(file, label="y")
    assert pool.classes == classes
    assert [classes[int(k)] for k in pool.labels[[0, 2]]] == [labels[0], labels[2]]
    assert np.isnan(pool.labels[1])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n1,x\n", "line 3, column b: 'x' is no number"),
        ("a,b\n1,2\n,3\n", r"pool\.csv, line 3, column a: there is nothing, or NaN\. Fill"),
        ("a,b\n1,2\n3,-inf\n", r"pool\.csv, line 3, column b: -inf is not finite"),
        ("a,b\n", r"The pool .*pool\.csv has no sample"),
        ("", "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_csv_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "pool.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ProcedureError, match=said):
        Pool.from_csv(file)


def test_nan_features_and_missing_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(ProcedureError, match="the first in sample 1, x0"):
        Pool.of([[1.0], [np.nan]])
    file = tmp_path / "pool.csv"
    file.write_text("a\n1\n", encoding="utf-8")
    with pytest.raises(ProcedureError, match="no column 'y'; it has a"):
        Pool.from_csv(file, label="y")


def test_a_file_is_asked_and_answered(tmp_path: Path) -> None:
    looks = 0

    def person() -> None:
        nonlocal looks
        looks += 1
        questions = read_questions(tmp_path)
        assert questions is not None
        assert questions.image == (1, 2)
        open_ = questions.without(list(read_answers(tmp_path, questions.classes).labels))
        write_answer(tmp_path, open_[0].index, "right" if open_[0].x[0] > 0 else "")

    oracle = FileOracle(tmp_path, CLASSES, ("a", "b"), (1, 2), wait=person)
    labels = oracle(np.array([5, 2]), np.array([[1.0, 0.0], [-1.0, 0.0]]))
    np.testing.assert_array_equal(labels, [1.0, np.nan])
    assert looks == 2
    assert read_questions(tmp_path) is None


def test_without_a_person_the_questions_stand_and_the_error_says_where(tmp_path: Path) -> None:
    oracle = FileOracle(tmp_path, CLASSES)
    with pytest.raises(ProcedureError, match=r"2 of 2 samples have no answer.*answers\.csv"):
        oracle(np.array([0, 1]), np.zeros((2, 1)))
    assert json.loads((tmp_path / QUESTIONS).read_text(encoding="utf-8"))["classes"] == [
        "left",
        "right",
    ]


@pytest.mark.parametrize("line", ["3;left", "3,middle", "x,left", "1,left,right"])
def test_a_line_that_is_no_answer_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / ANSWERS).write_text(f"index,class\n2,left\n{line}\n", encoding="utf-8")
    found = read_answers(tmp_path, CLASSES)
    assert found.labels == {2: 0.0}
    assert f"line 3 ({line!r})" in found.problem
    with pytest.raises(ProcedureError, match=r"answers\.csv: no answer in line 3"):
        FileOracle(tmp_path, CLASSES)(np.array([3]), np.zeros((1, 1)))


def test_a_slip_in_the_file_is_told_once_and_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / ANSWERS).write_text("4,left\n4,rihgt\n", encoding="utf-8")
    looks = 0

    def person() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            write_answer(tmp_path, 4, "right")

    labels = FileOracle(tmp_path, CLASSES, wait=person)(np.array([4]), np.zeros((1, 1)))
    assert labels.tolist() == [1.0]
    assert looks == 3
    assert [record.message.count("line 2 ('4,rihgt')") for record in caplog.records] == [1]


def test_an_answer_still_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    (tmp_path / ANSWERS).write_text("1,left\n2,ri", encoding="utf-8")
    assert read_answers(tmp_path, CLASSES).labels == {1: 0.0}


def test_a_person_at_the_terminal_is_asked_again_after_a_slip(tmp_path: Path) -> None:
    typed = iter(["up", "right", "0", ""])
    shown: list[str] = []

    def ask(text: str) -> str:
        shown.append(text)
        return next(typed)

    oracle = TerminalOracle(CLASSES, ("tilt",), ask)
    labels = oracle(np.array([4, 7, 9]), np.array([[0.5], [1.5], [2.5]]))
    np.testing.assert_array_equal(labels, [1.0, 0.0, np.nan])
    assert "sample 4: tilt=0.5" in shown[0]
    assert "'up' is none of 0 left, 1 right" in shown[1]


def test_a_typed_number_is_a_name_where_classes_are_named_by_numbers() -> None:
    typed = iter(["1", "0", "2"])
    shown: list[str] = []

    def ask(text: str) -> str:
        shown.append(text)
        return next(typed)

    labels = TerminalOracle(("1", "2"), ask=ask)(np.array([4, 7]), np.zeros((2, 1)))
    np.testing.assert_array_equal(labels, [0.0, 1.0])
    assert "'0' is none of 1, 2" in shown[2]


def test_the_questions_of_a_run_are_answered_at_a_terminal(tmp_path: Path) -> None:
    oracle = FileOracle(
        tmp_path, CLASSES, wait=lambda: answer_at_terminal(tmp_path, lambda _: "left") and None
    )
    np.testing.assert_array_equal(oracle(np.array([3, 4]), np.zeros((2, 1))), [0.0, 0.0])
    assert answer_at_terminal(tmp_path) == 0
