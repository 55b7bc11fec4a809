"""Who knows the labels: a table, a function, a person at the terminal or at a window.

A person and a measurement do not share a process: the measurement writes ``questions.json`` into a
folder (that of its run) and waits for ``answers.csv`` beside it. The window shows a dialog for
them (:mod:`labctl.gui.label_dialog`), :func:`answer_at_terminal` asks for them on a terminal, and
any other program may write them: a line ``index,class`` each, the class empty where nobody can
tell.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.errors import ProcedureError

QUESTIONS, ANSWERS = "questions.json", "answers.csv"


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

        Raises
        ------
        ProcedureError
            Where answers are missing and nothing was given to wait with, or one is no class.
        """
        asked = index.tolist()
        samples = tuple(Question(k, tuple(row)) for k, row in zip(asked, x.tolist(), strict=True))
        write_questions(self.folder, Questions(samples, self._features, self._classes, self._image))
        while True:
            answers = read_answers(self.folder, self._classes)
            missing = [k for k in asked if k not in answers]
            if not missing:
                break
            if self._wait is None:
                raise ProcedureError(
                    f"{len(missing)} of {len(asked)} samples have no answer. The questions are in "
                    f"{self.folder / QUESTIONS}; write lines 'index,class' to "
                    f"{self.folder / ANSWERS} and go on."
                )
            self._wait()
        (self.folder / QUESTIONS).unlink(missing_ok=True)
        return np.array([answers[k] for k in asked])


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
        choices = ", ".join(f"{k} {name}" for k, name in enumerate(self._classes))
        text = f"[{which}] sample {question.index}: {values}\n  {choices}; empty: cannot tell > "
        while typed := self._ask(text).strip():
            if typed in self._classes:
                return float(self._classes.index(typed))
            if typed.isdecimal() and int(typed) < len(self._classes):
                return float(typed)
            text = f"  {typed!r} is none of {choices} > "
        return float("nan")


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


def read_answers(folder: str | Path, classes: Sequence[str]) -> dict[int, float]:
    """Return the answers in a folder by place in the pool; NaN where nobody could tell.

    A later answer to the same sample takes the place of an earlier one; a last line that is still
    being written is left for the next look.

    Raises
    ------
    ProcedureError
        For a line that is no answer.
    """
    file = Path(folder) / ANSWERS
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    whole = text[: text.rfind("\n") + 1]
    place = {name: float(k) for k, name in enumerate(classes)}
    answers: dict[int, float] = {}
    for number, line in enumerate(csv.reader(whole.splitlines()), 1):
        if not line or line[0].strip() == "index":
            continue
        name = line[1].strip() if len(line) == 2 else None
        if name is None or not line[0].strip().isdecimal() or (name and name not in place):
            raise ProcedureError(
                f"{file}, line {number}: {','.join(line)!r} is no answer. Write 'index,class' with "
                f"one of the classes {', '.join(classes)}, or nothing after the comma where nobody "
                "can tell."
            )
        answers[int(line[0])] = place[name] if name else np.nan
    return answers


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
    open_ = questions.without(list(read_answers(folder, questions.classes)))
    for question in open_:
        [label] = oracle(np.array([question.index]), np.array([question.x]))
        name = "" if np.isnan(label) else questions.classes[int(label)]
        write_answer(folder, question.index, name)
    return len(open_)
