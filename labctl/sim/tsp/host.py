"""A Lua 5.1 state for the scripts of one simulated instrument, and the walls around it.

The sandbox is built in three layers:

* what a script could reach the host with is taken out of the globals (``sandbox.lua``);
* host functions are upvalues of Lua closures, take and give only numbers, strings, booleans and
  nil, and never raise: no Python object is ever visible to a script; an attribute filter refuses
  everything should one be;
* memory, instructions and processor time of a message are bounded. An endless script is broken
  off, whatever it catches, and costs bench time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import lupa.lua51

from labctl.sim.status import Refused

Value = float | str | bool | None
HostFunction = Callable[..., Any]

FAIL = "\0fail"
"""First value a host function returns to have a Lua run-time error raised; the text is second."""
EXIT = "\0exit"
STEP = 1000
"""Instructions between two looks at the budget."""
_HERE = Path(__file__).parent
_SPARE_MEMORY = 16 << 20
"""Bytes between the cap a script meets and the hard one, so that the host always has room."""


class ScriptError(Exception):
    """Aborts the script with error -286."""


@dataclass(frozen=True)
class Budget:
    """What one message may use: instructions, seconds of processor time, bytes of memory."""

    instructions: int = 2_000_000
    seconds: float = 2.0
    memory: int = 32 << 20
    pattern: float = 2e7


@dataclass(frozen=True)
class Attribute:
    """One attribute of a node: how to get it and, unless it is read-only, how to set it."""

    get: Callable[[], Value]
    set: Callable[[Any], None] | None = None


@dataclass(frozen=True)
class Outcome:
    """How a message ended: ``kind`` is "", "syntax", "runtime" or "memory"."""

    kind: str
    text: str
    instructions: int


_FINE = Outcome("", "", 0)


class LuaHost:
    """One Lua state with the objects of an instrument in it.

    Parameters
    ----------
    services
        Host functions behind the general commands, by name: ``print``, ``printbuffer``,
        ``printnumber``, ``script_failed`` and ``buffer_get``, ``_set``, ``_item``, ``_clear``,
        ``_new``, ``_free``.
    refuse
        Called with the :class:`Refused` of a host function.
    budget
        Bounds of one message.
    """

    def __init__(
        self,
        services: Mapping[str, HostFunction],
        refuse: Callable[[Refused], None],
        budget: Budget | None = None,
    ) -> None:
        budget = budget or Budget()
        self._refuse = refuse
        self._failure: BaseException | None = None
        self._lua = lupa.lua51.LuaRuntime(
            encoding="latin-1",
            attribute_filter=_no_attribute,
            register_eval=False,
            register_builtins=False,
            unpack_returned_tuples=True,
            max_memory=budget.memory + _SPARE_MEMORY,
        )
        limits = {
            "steps": budget.instructions // STEP,
            "seconds": budget.seconds,
            "memory": budget.memory / 1024,
            "pattern": budget.pattern,
        }
        sandbox = self._load("sandbox.lua", self._lua.table_from(limits))
        guarded = {name: self.guard(function) for name, function in services.items()}
        self._objects = self._load("objects.lua", sandbox, self._lua.table_from(guarded))
        self._run = sandbox["run"]
        self._nodes: dict[str, Any] = {}

    def run(self, text: str) -> Outcome:
        """Run one message. Raises what a host function raised by a fault of its own."""
        result = self._run(text)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if result is None:
            return _FINE
        kind, message, ticks = result
        if isinstance(message, BaseException):
            raise message
        if message == EXIT:
            kind = ""
        return Outcome(kind, str(message or ""), int(ticks) * STEP)

    def node(
        self,
        path: str,
        constants: Mapping[str, Value] | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        functions: Mapping[str, HostFunction] | None = None,
    ) -> None:
        """Add an object at a dotted ``path``; its parent must be there; digits index numbers."""
        parent, _, key = path.rpartition(".")
        attributes = attributes or {}
        table = self._lua.table_from
        self._nodes[path] = self._objects["add"](
            self._nodes[parent] if parent else None,
            _key(key),
            path,
            table(dict(constants or {})),
            table({name: self.guard(item.get) for name, item in attributes.items()}),
            table({n: self.guard(item.set) for n, item in attributes.items() if item.set}),
            table({name: self.guard(function) for name, function in (functions or {}).items()}),
        )

    def function(self, path: str, function: HostFunction, *, measures: bool = False) -> None:
        """Add a function at ``path`` that gets reading buffers as ``"id:column"`` strings."""
        parent, _, key = path.rpartition(".")
        self._objects["add_function"](
            self._nodes[parent] if parent else None,
            key,
            self.guard(function),
            "measure" if measures else "",
        )

    def buffer(self, path: str, identity: int) -> None:
        """Add the reading buffer with number ``identity`` at ``path``."""
        parent, _, key = path.rpartition(".")
        self._objects["add_buffer"](self._nodes[parent], key, identity)

    def buffer_maker(self, path: str) -> None:
        """Give the node at ``path`` the function ``makebuffer``."""
        self._objects["add_buffer_maker"](self._nodes[path])

    def link(self, path: str, target: str) -> None:
        """Make the node ``target`` reachable at ``path`` too."""
        parent, _, key = path.rpartition(".")
        self._objects["link"](self._nodes[parent], _key(key), self._nodes[target])

    def library(self, file: Path) -> None:
        """Run a Lua file of the instrument's own, with the same rights as a script."""
        outcome = self.run(file.read_text(encoding="utf-8"))
        if outcome.kind:
            raise RuntimeError(f"{file.name}: {outcome.kind} error: {outcome.text}")

    def define_script(self, text: str, name: str) -> None:
        """Do what ``loadscript name`` ... ``endscript`` does."""
        self._objects["define"](text, name)

    def guard(self, function: HostFunction) -> HostFunction:
        """Wrap a host function so that it never raises into Lua."""

        def call(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except Refused as refused:
                self._refuse(refused)
                return None
            except ScriptError as error:
                return FAIL, str(error)
            except BaseException as error:  # noqa: BLE001 - raised again by run(), outside of Lua
                self._failure = error
                return FAIL, "internal error"

        return call

    def _load(self, name: str, *arguments: Any) -> Any:
        source = (_HERE / name).read_text(encoding="utf-8")
        return self._lua.execute(source, *arguments, name=f"={name}")


def _key(name: str) -> int | str:
    return int(name) if name.isdigit() else name


def _no_attribute(thing: object, name: object, setting: bool) -> NoReturn:
    raise AttributeError("access denied")
