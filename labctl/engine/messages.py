"""What clients and engine say to each other: JSON, checked by pydantic, never pickled."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from labctl.errors import EngineError

LONGEST = 1 << 20
"""bytes of the longest message an engine takes."""


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Request(_Message):
    token: Annotated[str, Field(min_length=1, max_length=200)]


class Submit(_Request):
    """Queue a run of a procedure."""

    command: Literal["submit"] = "submit"
    procedure: Annotated[str, Field(min_length=1, max_length=200)]
    parameters: dict[str, JsonValue] = {}


class ResumeRun(_Request):
    """Queue the rest of a run that was broken off: its folder, or its number."""

    command: Literal["resume_run"] = "resume_run"
    run: Annotated[str, Field(min_length=1, max_length=4000)]


class Edit(_Request):
    """Give parameters of a queued run other values; those not named stay."""

    command: Literal["edit"] = "edit"
    id: int
    parameters: dict[str, JsonValue]


class Move(_Request):
    """Bring a queued run to another place; 0 is the next to be run."""

    command: Literal["move"] = "move"
    id: int
    to: Annotated[int, Field(ge=0)] | Literal["up", "down", "first", "last"]


class One(_Request):
    """Take a run off the queue (``withdraw``: or abort it where it is on), or ask where it is."""

    command: Literal["remove", "withdraw", "find"]
    id: int


class Plain(_Request):
    """A command that says all by its name."""

    command: Literal[
        "status",
        "procedures",
        "pause",
        "resume",
        "abort",
        "hold",
        "release",
        "dismiss",
        "stop",
        "acknowledge",
        "shutdown",
    ]


Request = Submit | ResumeRun | Edit | Move | One | Plain
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="command")])


class Fault(_Message):
    """Why a request was refused: class of :mod:`labctl.errors`, and text for people."""

    type: str
    message: str


class Reply(_Message):
    """The engine's answer: a result, or a fault."""

    result: dict[str, Any] | None = None
    fault: Fault | None = None


class QueuedRun(_Message):
    """A run that waits.

    ``resumes`` is the folder of the run whose rest it is, or None; ``problem`` says why it could
    not be run as things are, or is None.
    """

    id: int
    procedure: str
    parameters: dict[str, Any]
    resumes: str | None = None
    problem: str | None = None


class CurrentRun(_Message):
    """The run that is on; times in s, None where unknown. ``run`` is its folder."""

    id: int
    procedure: str
    parameters: dict[str, Any]
    run: str | None
    waiting: str | None
    done: int
    total: int
    pace: float | None
    eta_s: float | None
    bench_eta_s: float | None


class EndedRun(_Message):
    """A run that is over; ``run`` is None where not even its folder could be made."""

    id: int
    procedure: str
    run: str | None
    status: str
    error: str | None


class EngineStatus(_Message):
    """The engine's answer to ``status``.

    ``state`` is ``idle``, ``running``, ``paused``, ``aborting`` or ``closing``; ``latched`` says
    why the bench is latched, or is None; ``held`` says why no further run of the queue begins, or
    is None. ``last`` is the run before, and ``last_run`` its folder; ``unfinished`` is a run that
    the end of an engine cut short, offered to be resumed. ``notices`` are for people.
    """

    state: str
    bench: str
    bench_file: str
    chip: str
    shape: tuple[int, int]
    data_root: str
    pid: int
    latched: str | None
    queue: list[QueuedRun]
    held: str | None
    current: CurrentRun | None
    last: EndedRun | None
    last_run: str | None
    unfinished: EndedRun | None
    notices: list[str]


class Found(_Message):
    """Where a run is: ``queued``, ``current``, ``ended`` (then with its end) or ``gone``."""

    place: Literal["queued", "current", "ended", "gone"]
    ended: EndedRun | None = None


def parse_request(content: Any) -> Request:
    """Return the request that a decoded JSON value is.

    Raises
    ------
    EngineError
        Saying which part of it is wrong.
    """
    try:
        return _REQUEST.validate_python(content)
    except ValidationError as error:
        parts = [
            f"{'.'.join(str(p) for p in item['loc']) or 'message'}: {item['msg']}"
            for item in error.errors(include_input=False)
        ]
        raise EngineError(f"The engine does not understand: {'; '.join(parts)}.") from None
