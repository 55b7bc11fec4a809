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


class Plain(_Request):
    """A command that says all by its name."""

    command: Literal[
        "status",
        "procedures",
        "pause",
        "resume",
        "abort",
        "stop",
        "acknowledge",
        "shutdown",
    ]


Request = Annotated[Submit | Plain, Field(discriminator="command")]
_REQUEST: TypeAdapter[Submit | Plain] = TypeAdapter(Request)


class Fault(_Message):
    """Why a request was refused: class of :mod:`labctl.errors`, and text for people."""

    type: str
    message: str


class Reply(_Message):
    """The engine's answer: a result, or a fault."""

    result: dict[str, Any] | None = None
    fault: Fault | None = None


class QueuedRun(_Message):
    """A run that waits."""

    id: int
    procedure: str
    parameters: dict[str, Any]


class CurrentRun(_Message):
    """The run that is on; times in s, None where unknown. ``run`` is its folder."""

    id: int
    procedure: str
    run: str | None
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
    why the bench is latched, or is None; ``last_run`` is the folder of the run before.
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
    current: CurrentRun | None
    last: EndedRun | None
    last_run: str | None


def parse_request(content: Any) -> Submit | Plain:
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
