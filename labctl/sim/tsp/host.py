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
from labctl.sim.tsp.budget import Budget, Outcome

Value = float | str | bool | None
HostFunction = Callable[..., Any]

FAIL = "\0fail"
"""First value a host function returns to have a Lua run-time error raised; the text is second."""
STRAIN = "\0strain"
"""First value where a host function did much work; its result follows."""
EXIT = "\0exit"
STEP = 1000
"""Instructions between two looks at the budget."""
_HERE = Path(__file__).parent
_SPARE_MEMORY = 16 << 20
"""Bytes between the cap a script meets and the hard one, so that the host always has room."""


class ScriptError(Exception):
    """Aborts the script with error -286."""


@dataclass(frozen=True)
class Attribute:
    """One attribute of a node: how to get it and, unless it is read-only, how to set it."""

    get: Callable[[], Value | list[float]]
    set: Callable[[Any], None] | None = None


FINE = Outcome("", "", 0)


class LuaHost:
    """One Lua state with the objects of an instrument in it.

    Parameters
    ----------
    services
        Host functions behind the general commands, by name: ``print``, ``printbuffer``,
        ``printnumber``; ``script_failed``, ``_save``, ``_delete``, ``_saved``; ``buffer_get``,
        ``_set``, ``_item``, ``_clear``, ``_new``, ``_free``.
    refuse
        Called with the :class:`Refused` of a host function.
    budget
        Bounds of one message.

    Attributes
    ----------
    running
        Whether a message is being run.
    direct
        Attributes, and functions that take and give plain values, by their whole path: for what
        wants one of them and no script.
    """

    def __init__(
        self,
        services: Mapping[str, HostFunction],
        refuse: Callable[[Refused], None],
        budget: Budget | None = None,
    ) -> None:
        budget = budget or Budget()
        self.running = self._strained = False
        self._refuse, self._memory = refuse, budget.memory
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
        functions = self._lua.table_from(guarded)
        self._objects = self._load("objects.lua", sandbox, functions)
        self._readings = self._load("readings.lua", sandbox, functions, self._objects)
        self._scripts = self._load("scripts.lua", sandbox, functions, self._objects)
        self._run, self._results = sandbox["run"], self._objects["results"]
        self._nodes: dict[str, Any] = {}
        self.direct: dict[str, Attribute | HostFunction] = {}

    def run(self, text: str) -> Outcome:
        """Run one message. Raises what a host function raised by a fault of its own."""
        self.running = True
        try:
            return self._outcome(self._run(text))
        finally:
            self.running = False

    def evaluate(self, text: str) -> tuple[Outcome, tuple[Any, ...]]:
        """Run the expression ``text``; return also its values, each as ("value", it).

        A reading buffer is ("buffer", its name), another object or a function ("object",).
        """
        self.running = True
        try:
            outcome = self._outcome(self._run(f"return {text}", True))
        finally:
            self.running = False
        found = self._results()
        if type(found) is tuple:
            return outcome, (found,)
        return outcome, tuple(tuple(item.values()) for item in found.values()) if found else ()

    def _outcome(self, result: Any) -> Outcome:
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if result is None:
            return FINE
        kind, message, ticks = result
        if isinstance(message, BaseException):
            raise message
        if message == EXIT:
            kind = ""
        return Outcome(kind, str(message or ""), int(ticks) * STEP)

    def node(
        self,
        path: str,
        constants: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        functions: Mapping[str, HostFunction] | None = None,
    ) -> None:
        """Add an object at a dotted ``path``; its parent must be there; digits index numbers."""
        parent, _, key = path.rpartition(".")
        self._note(path, attributes, functions)
        self._nodes[path] = self._objects["add"](
            self._nodes[parent] if parent else None,
            _key(key),
            path,
            *self._tables(constants, attributes, functions),
        )

    def extend(
        self,
        path: str,
        constants: Mapping[str, Any] | None = None,
        attributes: Mapping[str, Attribute] | None = None,
        functions: Mapping[str, HostFunction] | None = None,
    ) -> None:
        """Add more to the object at ``path``."""
        tables = self._tables(constants, attributes, functions)
        self._note(path, attributes, functions)
        self._objects["extend"](self._nodes[path], *tables)

    def _note(
        self,
        path: str,
        attributes: Mapping[str, Attribute] | None,
        functions: Mapping[str, HostFunction] | None,
    ) -> None:
        for part in (attributes or {}, functions or {}):
            self.direct.update({f"{path}.{name}": item for name, item in part.items()})

    def _tables(
        self,
        constants: Mapping[str, Any] | None,
        attributes: Mapping[str, Attribute] | None,
        functions: Mapping[str, HostFunction] | None,
    ) -> list[Any]:
        attributes = attributes or {}
        return [
            self._lua.table_from({_key(name): value for name, value in part.items()})
            for part in (
                constants or {},
                {name: self.guard(item.get) for name, item in attributes.items()},
                {name: self.guard(item.set) for name, item in attributes.items() if item.set},
                {name: self.guard(function) for name, function in (functions or {}).items()},
            )
        ]

    def nodes(self, own: str, resolve: HostFunction, get: HostFunction, put: HostFunction) -> None:
        """Add ``node``, whose items are instruments on TSP-Link.

        Parameters
        ----------
        own
            Path of the object that stands for this instrument.
        resolve
            Called with a key; returns "own", "remote", or None for no node.
        get
            Called with a key, a path inside (``".smua.source.levelv"``), True if it is to be
            called, and the arguments; returns "object", or "value" and the values.
        put
            Called with a key, a path and a value.
        """
        functions = [self.guard(function) for function in (resolve, get, put)]
        self._objects["add_nodes"](self._nodes[own], *functions)

    def give_access(self, path: str) -> None:
        """Add ``execute``, ``getglobal`` and ``setglobal`` to the object at ``path``."""
        self._scripts["give_access"](self._nodes[path])

    def factory(self, name: str, text: str) -> None:
        """Add a script to ``script.factory.scripts``."""
        self._scripts["define_factory"](text, name)

    def share(self, path: str) -> None:
        """Make all objects reachable below the one at ``path`` too."""
        self._objects["share"](self._nodes[path])

    def has(self, path: str) -> bool:
        """Tell whether there is an object at ``path``."""
        return path in self._nodes

    def function(self, path: str, function: HostFunction) -> None:
        """Add a function at ``path`` that gets reading buffers as ``"id:column"`` strings."""
        parent, _, key = path.rpartition(".")
        self._objects["add_function"](
            self._nodes[parent] if parent else None,
            key,
            self.guard(function),
        )

    def catalog(self, path: str, names: Callable[[], list[str]]) -> None:
        """Give the object at ``path`` the function ``catalog``, an iterator over names."""
        self._objects["add_catalog"](self._nodes[path], self.guard(names))

    def memory(self) -> tuple[float, float]:
        """Return the memory that scripts may still use, and all of it, kB."""
        used: int = self._lua.get_memory_used()
        return max(self._memory - used, 0) / 1024, self._memory / 1024

    def buffer(self, path: str, identity: int) -> None:
        """Add the reading buffer with number ``identity`` at ``path``."""
        parent, _, key = path.rpartition(".")
        self._readings["add_buffer"](self._nodes[parent], key, identity)

    def buffer_maker(self, path: str) -> None:
        """Give the node at ``path`` the function ``makebuffer``."""
        self._readings["add_buffer_maker"](self._nodes[path])

    def link(self, path: str, target: str) -> None:
        """Make the node ``target`` reachable at ``path`` too."""
        parent, _, key = path.rpartition(".")
        self._objects["place"](
            self._nodes[parent] if parent else None, _key(key), self._nodes[target]
        )

    def strain(self) -> None:
        """Say that the host function being called does much work: the budget is looked at."""
        self._strained = True

    def library(self, file: Path) -> None:
        """Run a Lua file of the instrument's own, with the same rights as a script."""
        text = file.read_text(encoding="utf-8")
        outcome = self.run(text)
        if outcome.kind:
            raise RuntimeError(f"{file.name}: {outcome.kind} error: {outcome.text}")

    def define_script(self, text: str, name: str) -> None:
        """Do what ``loadscript name`` ... ``endscript`` does."""
        self._scripts["define"](text, name)

    def guard(self, function: HostFunction) -> HostFunction:
        """Wrap a host function so that it never raises into Lua."""

        def call(*arguments: Any) -> Any:
            try:
                result = function(*arguments)
                kind = type(result)
                if kind is list or kind is dict:
                    # A script gets a table.
                    result = self._lua.table_from(result, recursive=True)
                if self._strained:
                    self._strained = False
                    return (STRAIN, *result) if kind is tuple else (STRAIN, result)
                return result
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
