"""The plan of a campaign: data, from a file or a script, that touches no instrument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from labctl.campaign.expression import WORDS
from labctl.campaign.loops import Over, Scalar

ACTIONS = ("procedure", "wait", "note", "stop", "skip", "report", "include", "step")
"""Keys that say what a step does, in the order in which they count."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RETRY = re.compile(r"retry ([1-9]\d?)")


def _named(value: Any) -> Any:
    if isinstance(value, str):
        if not NAME.fullmatch(value):
            raise ValueError("a name is of small letters, digits and _, and begins with a letter")
        if value in WORDS:
            raise ValueError(f"{value!r} means something in expressions: take another name")
    return value


def _policy(value: Any) -> Any:
    if isinstance(value, str) and (value in ("stop", "continue") or _RETRY.fullmatch(value)):
        return value
    raise ValueError('write "stop", "continue", or "retry 2" (up to 99 times)')


Name = Annotated[str, BeforeValidator(_named)]
Policy = Annotated[str, BeforeValidator(_policy)]
Tag = Annotated[str, Field(pattern=r"^[^\s,;]{1,60}$")]
Place = tuple[str, tuple[str, ...]]
"""File, and the key in it."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Step(_Table):
    """One step: a procedure, a wait, a note, a condition, a report, or a group of steps."""

    name: Name = Field(description="Unique in the campaign; results are asked for by it.")
    procedure: str | None = Field(default=None, description="The procedure it runs.")
    parameters: dict[str, Scalar] = Field(
        default={}, description='Of the procedure; a text that begins with "=" is an expression.'
    )
    wait: Scalar | None = Field(
        default=None, description='Bench time to wait, outputs at zero: "1 h", 30 (s), "= pause".'
    )
    note: str | None = Field(
        default=None, description="Kept in the record; {expression} in it is filled."
    )
    stop: str | None = Field(default=None, description="End the campaign here, saying this.")
    skip: str | None = Field(
        default=None, description="Go on with the next pass of the group around, saying this."
    )
    report: str | None = Field(
        default=None, description="Write the data sheet of what was measured, under this title."
    )
    include: str | None = Field(
        default=None, description="Another campaign file, whose steps come here."
    )
    step: list[Step] = Field(default=[], description="Steps of a group: [[step.step]].")
    condition: str | None = Field(
        default=None, alias="if", description="Expression; where false, the step is left out."
    )
    loop: dict[Name, Over] = Field(
        default={}, alias="for", description="Loop variables; the first is the outermost loop."
    )
    together: bool = Field(default=False, description="Step all loop variables at once.")
    repeat: int = Field(default=1, ge=1, le=100_000, description="How often each pass is done.")
    until: str | None = Field(
        default=None, description="Expression; after a pass for which it is true, no further one."
    )
    on_error: Policy | None = Field(
        default=None, description='"stop", "continue" or "retry N"; default that of the campaign.'
    )
    tags: list[Tag] = Field(default=[], description="Given to its runs.")
    seed: int | None = Field(default=None, ge=0, lt=2**63, description="Of its runs' randomness.")

    place: SkipJsonSchema[Place] = Field(default=("", ()), exclude=True)

    @model_validator(mode="after")
    def _sound(self) -> Step:
        given = self.actions
        if not given or len(set(given) - {"note"}) > 1:
            raise ValueError(f"a step has one of {', '.join(ACTIONS)}")
        if self.parameters and self.procedure is None:
            raise ValueError("parameters are those of a procedure, and there is none")
        if self.stop is not None and (self.loop or self.repeat > 1):
            raise ValueError("a stop is no loop")
        return self

    @property
    def actions(self) -> list[str]:
        """What it does, of :data:`ACTIONS`; a note may stand beside another."""
        return [name for name in ACTIONS if getattr(self, name) not in (None, [])]

    @property
    def action(self) -> str:
        """What it does."""
        return self.actions[0] if self.procedure or len(self.actions) == 1 else next(
            name for name in self.actions if name != "note"
        )  # fmt: skip

    @property
    def loops(self) -> bool:
        """Whether it may be done more than once for one pass of what is around it."""
        return bool(self.loop) or self.repeat > 1


class Head(_Table):
    """What holds for the whole campaign."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$")] = Field(
        description="Part of the name of its folder: letters, digits, - and _."
    )
    description: str = Field(default="", description="What it is for.")
    on_error: Policy = Field(default="stop", description='"stop", "continue" or "retry N".')
    tags: list[Tag] = Field(default=[], description="Given to every run.")
    seed: int | None = Field(
        default=None, ge=0, lt=2**63, description="Every run draws its own seed from it."
    )


class Plan(_Table):
    """A whole campaign."""

    campaign: Head = Field(description="What holds for the whole campaign.")
    values: dict[Name, Scalar] = Field(
        default={}, description='Names for values; a text that begins with "=" is an expression.'
    )
    step: list[Step] = Field(min_length=1, description="What is done, in order: [[step]].")

    path: SkipJsonSchema[str] = Field(default="", exclude=True)
    sources: SkipJsonSchema[dict[str, Any]] = Field(default={}, exclude=True)
    """File -> :class:`labctl.campaign.fault.Source`, which finds lines."""

    def walk(self) -> Iterator[tuple[Step, tuple[Step, ...]]]:
        """Yield every step and the groups around it, outermost first, in the order written."""
        yield from _walk(self.step, ())

    def find(self, name: str) -> tuple[Step, tuple[Step, ...]] | None:
        """Return the step of that name and the groups around it."""
        return next((found for found in self.walk() if found[0].name == name), None)


def _walk(steps: list[Step], around: tuple[Step, ...]) -> Iterator[tuple[Step, tuple[Step, ...]]]:
    for step in steps:
        yield step, around
        yield from _walk(step.step, (*around, step))


def is_expression(value: Any) -> bool:
    """Tell whether a value of a plan is an expression."""
    return isinstance(value, str) and value.lstrip().startswith("=")


def text_of(value: str) -> str:
    """Return the expression of a value that is one."""
    return value.strip()[1:].strip()


def policy_of(step: Step, head: Head) -> tuple[str, int]:
    """Return what is done about an error of a step: ``stop`` or ``continue``, and retries."""
    chosen = step.on_error or head.on_error
    match = _RETRY.fullmatch(chosen)
    return ("stop", int(match[1])) if match else (chosen, 0)
