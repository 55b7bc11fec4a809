"""Who knows the labels: a table, a function, a person at the terminal or at a window.

A person and a measurement do not share a process: the measurement writes ``questions.json`` into a
folder (that of its run) and waits for ``answers.csv`` beside it. The window shows a dialog for
them (:mod:`labctl.gui.label_dialog`), :func:`answer_at_terminal` asks for them on a terminal, and
any other program may write them: a line ``index,class`` each, the class empty where nobody can
tell. In the file a class goes by its name; a person may type or press its place, counted from 0,
where no class is named by a number (see :func:`class_typed`).
"""

from __future__ import annotations

import csv
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError

QUESTIONS, ANSWERS = "questions.json", "answers.csv"
_log = logging.getLogger(__name__)


class TableOracle:
    """Knows the labels beforehand and hands them out one by one; for benchmarks and replays.

    Parameters
    ----------
    labels
        Shape (n,): class index of every sample of the pool, NaN where unknown.
    """

    def __init__(self, labels: ArrayLike) -> None:
        self._labels = np.asarray(labels, dtype=np.float64)

    def __call__(self, index: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the labels of samples (see :class:`labctl.learn.active.Oracle`)."""
        found: NDArray[np.float64] = self._labels[index]
        return found


@dataclass(frozen=True, slots=True)
class Question:
    """One sample that waits for a label.

    Attributes
    ----------
    index
        Place in the pool.
    x
        Its features.
    """

    index: int
    x: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Questions:
    """Samples that wait for labels, and what a person needs to know to give them.

    Attributes
    ----------
    samples
        In the order they were asked for.
    features, classes
        Names.
    image
        Height and width, where the features are the pixels of a picture row by row; else None.
    """

    samples: tuple[Question, ...]
    features: tuple[str, ...]
    classes: tuple[str, ...]
    image: tuple[int, int] | None = None

    def without(self, answered: Sequence[int]) -> tuple[Question, ...]:
        """Return the samples that are not among those ``answered``."""
        known = set(answered)
        return tuple(question for question in self.samples if question.index not in known)


@dataclass(frozen=True, slots=True)
class Answers:
    """What stands in ``answers.csv``.

    Attributes
    ----------
    labels
        Class index by place in the pool; NaN where nobody could tell.
    problem
        Which lines are no answers, and what they should be; empty where all are.
    """

    labels: dict[int, float]
    problem: str = ""


class FileOracle:
    """Asks whoever writes ``answers.csv`` into a folder.

    Parameters
    ----------
    folder
        Where questions are written and answers are looked for.
    classes, features, image
        What the person is shown (see :class:`Questions`).
    wait
        Called between two looks for answers; it waits a little, or raises to give up. None does
        not wait: missing answers are an error that says where to write them.
    """

    def __init__(
        self,
        folder: str | Path,
        classes: Sequence[str],
        features: Sequence[str] = (),
        image: tuple[int, int] | None = None,
        wait: Callable[[], None] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._classes, self._features = tuple(classes), tuple(features)
        self._image, self._wait = image, wait

    def __call__(self, index: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return labels as they are answered (see :class:`labctl.learn.active.Oracle`).

        A line that is no answer is logged, and its sample waited for until the line is mended or
        another one follows.

        Raises
        ------
        ProcedureError
            Where answers are missing and nothing was given to wait with.
        """
        asked = index.tolist()
        samples = tuple(Question(k, tuple(row)) for k, row in zip(asked, x.tolist(), strict=True))
        write_questions(self.folder, Questions(samples, self._features, self._classes, self._image))
        told = ""
        while True:
            answers = read_answers(self.folder, self._classes)
            missing = [k for k in asked if k not in answers.labels]
            if answers.problem and answers.problem != told:
                _log.warning("%s", answers.problem)
            told = answers.problem
            if not missing:
                break
            if self._wait is None:
                raise ProcedureError(
                    f"{len(missing)} of {len(asked)} samples have no answer. The questions are in "
                    f"{self.folder / QUESTIONS}; write lines 'index,class' to "
                    f"{self.folder / ANSWERS} and go on. {answers.problem}".rstrip()
                )
            self._wait()
        (self.folder / QUESTIONS).unlink(missing_ok=True)
        return np.array([answers.labels[k] for k in asked])


class TerminalOracle:
    """Asks a person at the terminal.

    Parameters
    ----------
    classes, features
        Names.
    ask
        Shows a text and returns what is typed.
    """

    def __init__(
        self,
        classes: Sequence[str],
        features: Sequence[str] = (),
        ask: Callable[[str], str] = input,
    ) -> None:
        self._classes, self._features, self._ask = tuple(classes), tuple(features), ask

    def __call__(self, index: NDArray[np.int64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return labels as they are typed (see :class:`labctl.learn.active.Oracle`)."""
        labels = []
        for number, (k, row) in enumerate(zip(index.tolist(), x.tolist(), strict=True), 1):
            question = Question(k, tuple(row))
            labels.append(self._label(question, f"{number}/{len(index)}"))
        return np.array(labels, dtype=np.float64)

    def _label(self, question: Question, which: str) -> float:
        names = self._features or tuple(f"x{k}" for k in range(len(question.x)))
        values = "  ".join(f"{n}={v:.4g}" for n, v in zip(names, question.x, strict=True))
        numbered = _by_place(self._classes)
        choices = ", ".join(
            f"{k} {name}" if numbered else name for k, name in enumerate(self._classes)
        )
        text = f"[{which}] sample {question.index}: {values}\n  {choices}; empty: cannot tell > "
        while typed := self._ask(text).strip():
            if (place := class_typed(typed, self._classes)) is not None:
                return float(place)
            text = f"  {typed!r} is none of {choices} > "
        return float("nan")


def class_typed(typed: str, classes: Sequence[str]) -> int | None:
    """Return the index of the class that a person typed; None where it is none.

    A name is the class of that name. A whole number is a place in ``classes``, counted from 0,
    unless some class is named by a number: then numbers are names, and no places.
    """
    if typed in classes:
        return list(classes).index(typed)
    if _by_place(classes) and typed.isdecimal() and int(typed) < len(classes):
        return int(typed)
    return None


def _by_place(classes: Sequence[str]) -> bool:
    """Tell whether a number can only mean a place: no class is named by one."""
    return not any(_is_number(name) for name in classes)


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def write_questions(folder: Path, questions: Questions) -> None:
    """Write ``questions.json``, replaced atomically."""
    content = {
        "classes": questions.classes,
        "features": questions.features,
        "image": questions.image,
        "samples": [{"index": q.index, "x": q.x} for q in questions.samples],
    }
    fresh = folder / f".{QUESTIONS}.{os.getpid()}"
    fresh.write_text(json.dumps(content), encoding="utf-8")
    fresh.replace(folder / QUESTIONS)


def read_questions(folder: str | Path) -> Questions | None:
    """Return the questions that stand in a folder; None where there are none."""
    try:
        content = json.loads((Path(folder) / QUESTIONS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    image = content.get("image")
    return Questions(
        tuple(Question(int(q["index"]), tuple(q["x"])) for q in content["samples"]),
        tuple(content["features"]),
        tuple(content["classes"]),
        None if image is None else (int(image[0]), int(image[1])),
    )


def read_answers(folder: str | Path, classes: Sequence[str]) -> Answers:
    """Return the answers in a folder.

    A later answer to the same sample takes the place of an earlier one; a last line that is still
    being written is left for the next look. A line that is no answer takes back what was answered
    before to its sample: whoever wrote it meant something else.
    """
    file = Path(folder) / ANSWERS
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Answers({})
    whole = text[: text.rfind("\n") + 1]
    place = {name: float(k) for k, name in enumerate(classes)} | {"": np.nan}
    labels: dict[int, float] = {}
    wrong: list[str] = []
    for number, line in enumerate(csv.reader(whole.splitlines()), 1):
        if not line or line[0].strip() == "index":
            continue
        index = int(line[0]) if line[0].strip().isdecimal() else None
        name = line[1].strip() if len(line) == 2 else None
        if index is not None and name in place:
            labels[index] = place[name]
        else:
            wrong.append(f"line {number} ({','.join(line)!r})")
            if index is not None:
                labels.pop(index, None)
    if not wrong:
        return Answers(labels)
    return Answers(
        labels,
        f"{file}: no answer in {', '.join(wrong)}. Write 'index,class' with one of the classes "
        f"{', '.join(classes)}, or nothing after the comma where nobody can tell.",
    )


def write_answer(folder: str | Path, index: int, name: str) -> None:
    """Add an answer; an empty ``name`` says that nobody can tell."""
    with (Path(folder) / ANSWERS).open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow([index, name])


def answer_at_terminal(folder: str | Path, ask: Callable[[str], str] = input) -> int:
    """Ask a person at the terminal for all answers a run waits for; return how many were given."""
    questions = read_questions(folder)
    if questions is None:
        return 0
    oracle = TerminalOracle(questions.classes, questions.features, ask)
    answers = read_answers(folder, questions.classes)
    if answers.problem:
        _log.warning("%s", answers.problem)
    open_ = questions.without(list(answers.labels))
    for question in open_:
        [label] = oracle(np.array([question.index]), np.array([question.x]))
        name = "" if np.isnan(label) else questions.classes[int(label)]
        write_answer(folder, question.index, name)
    return len(open_)
