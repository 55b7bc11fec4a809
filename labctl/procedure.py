"""Procedures: measurements written as lists of units, with typed parameters and tables."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pymeasure.experiment import Procedure as PymeasureProcedure
from pymeasure.experiment.parameters import Parameter

from labctl.array import CellArray, Pulse
from labctl.cells import parse_cells
from labctl.cost import Cost
from labctl.errors import AbortedError, ProcedureError, WiringError
from labctl.parameters import CellsParameter, convert, declare
from labctl.store import Column
from labctl.visibility import counts, in_words, told, unmet

__all__ = ["CellsParameter", "Column", "Cost", "Procedure", "Sink"]


class Sink(Protocol):
    """Where a procedure's rows go."""

    def append(self, table: str, **columns: Any) -> None:
        """Take a row (scalars) or a block of rows (1-D arrays)."""
        ...


class Procedure(PymeasureProcedure):
    """Base of every procedure.

    A procedure declares parameters (pymeasure's, as class attributes) and :attr:`tables`, lists
    what is to be done in :meth:`units`, does one of them in :meth:`measure`, and stores rows with
    :meth:`record`. Whoever runs it owns the loop, and with it pause, abort, progress and safety.
    The first line of a procedure's docstring is what lists of procedures show.

    Attributes
    ----------
    name
        Name in files and on the command line: that of the module for ``procedures/*.py``.
    tables
        Table -> column -> :class:`labctl.store.Column`. The first one is the main one.
    results
        Items of :meth:`summary` that conditions of a campaign may ask for, with their units.
    array
        The cells, from :meth:`bind` on.
    """

    name: ClassVar[str] = "procedure"
    tables: ClassVar[dict[str, dict[str, Column]]] = {}
    results: ClassVar[dict[str, Column]] = {}
    array: CellArray

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            package, _, module = cls.__module__.rpartition(".")
            snake = re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower().lstrip("_")
            cls.name = module if package == "procedures" else snake
        if "DATA_COLUMNS" not in cls.__dict__:
            cls.DATA_COLUMNS = list(_csv_columns(cls.tables).values())

    def __init__(self, **parameters: Any) -> None:
        super().__init__()
        self._sink: Sink | None = None
        self._rng: np.random.Generator | None = None
        self.configure(parameters)

    @classmethod
    def about(cls) -> str:
        """Return the first line of the docstring."""
        return (cls.__doc__ or "").strip().partition("\n")[0]

    @classmethod
    def declaration(cls) -> list[dict[str, Any]]:
        """Return all parameters as JSON, in the order of their declaration.

        See :func:`labctl.parameters.declare` for the keys.
        """
        known = _declared(cls)
        return [declare(name, parameter, known) for name, parameter in known.items()]

    def configure(self, parameters: Mapping[str, Any]) -> None:
        """Set parameters from values, text or JSON.

        Raises
        ------
        ProcedureError
            Naming parameter, value and what is allowed; nothing is set then.
        """
        known = _declared(type(self))
        values = {}
        for name, value in parameters.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(known)}."
                raise ProcedureError(f"Procedure {self.name} has no parameter {name!r}; {hint}")
            values[name] = convert(self.name, name, known[name], value)
        for name, value in values.items():
            setattr(self, name, value)

    def refuse_idle(self, names: Iterable[str]) -> None:
        """Refuse parameters that were given but do not count with the values of the others.

        Raises
        ------
        ProcedureError
            Naming the parameter, and when it would count.
        """
        known, values = _declared(type(self)), self.values()
        for name in names:
            against = unmet(known[name], known, values)
            if not against:
                continue
            where = in_words(told(known[name], known)) or f"{' and '.join(against)} is otherwise"
            now = ", ".join(f"{other} is {values[other]}" for other in against)
            raise ProcedureError(
                f"Procedure {self.name}, parameter {name!r} counts only where {where}; {now}. "
                f"Change that, or leave {name} out."
            )

    def check(self, shape: tuple[int, int]) -> None:
        """Hold every parameter against its bounds and against a chip of ``shape``.

        Raises
        ------
        ProcedureError
            Naming parameter, value and what is allowed.
        """
        known, values = _declared(type(self)), self.values()
        for name, parameter in known.items():
            value = getattr(self, name)
            if value is None and not counts(parameter, known, values):
                continue
            if value is None:
                raise ProcedureError(f"Procedure {self.name}, parameter {name!r} needs a value.")
            value = convert(self.name, name, parameter, value)
            setattr(self, name, value)
            if isinstance(parameter, CellsParameter):
                try:
                    parse_cells(value, shape)
                except WiringError as error:
                    raise ProcedureError(
                        f"Procedure {self.name}, parameter {name!r}: {error}"
                    ) from error

    def values(self) -> dict[str, Any]:
        """Return the value of each parameter; JSON-able."""
        return {name: getattr(self, name) for name in _declared(type(self))}

    def bind(
        self,
        array: CellArray,
        sink: Sink | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        """Give the procedure the cells, where to put rows, and its randomness.

        Without a sink rows go to pymeasure's ``emit``, so that a pymeasure Worker records them.
        """
        self.array, self._sink, self._rng = array, sink, rng

    @property
    def rng(self) -> np.random.Generator:
        """The random generator of this run; its seed is in the metadata of the run."""
        if self._rng is None:
            self._rng = np.random.default_rng()
        return self._rng

    def selected_cells(self, parameter: str = "cells") -> NDArray[np.int64]:
        """Return the cells that a :class:`CellsParameter` names, int64, shape (n, 2)."""
        return parse_cells(getattr(self, parameter), self.array.shape)

    def prepare(self) -> None:
        """Do what is needed once before the first unit; the array may be used."""

    def pulses(self) -> list[Pulse]:
        """Return the strongest pulses it may give, so that they can be checked beforehand."""
        return []

    def units(self) -> list[Any]:
        """Return what is to be done, one JSON-able item per step; called after prepare."""
        raise NotImplementedError

    def measure(self, unit: Any) -> None:
        """Do one unit and record what it gave."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """Release what prepare took. Outputs are at zero; the array may not be used."""

    def state(self) -> dict[str, Any]:
        """Return what :meth:`resume` needs to go on after the last unit done.

        JSON-able, NumPy arrays allowed. Asked for after every unit, so keep it small. Counts that
        the summary needs belong here; the random generator is kept without being named.
        """
        return {}

    def resume(self, state: dict[str, Any]) -> None:
        """Prepare to go on with a run that was broken off; called instead of :meth:`prepare`.

        As it stands, it prepares and then sets one attribute per item of ``state``. A procedure
        whose :meth:`prepare` changes cells must write its own.

        Parameters
        ----------
        state
            What :meth:`state` returned after the last unit done.
        """
        self.prepare()
        for name, value in state.items():
            setattr(self, name, value)

    def summary(self) -> dict[str, Any]:
        """Return results for ``run.json``; JSON-able, called when the last unit is done."""
        return {}

    def estimate(self) -> float:
        """Return the bench time of the whole run, s; called before prepare."""
        return len(self.units()) * self.array.timing.read

    def cost(self) -> Cost | None:
        """Return expected pulses, reads and relay closures; None where they are not known.

        Called like :meth:`estimate`, and counts on the same assumptions.
        """
        return None

    def relays(self, cells: NDArray[np.int64]) -> float:
        """Return the relay closures of one way through cells, shape (n, 2); 0 without relays."""
        count = getattr(self.array, "closures_along", None)
        return 0.0 if count is None else float(count(cells))

    def record(self, table: str, **columns: Any) -> None:
        """Store one row (scalars) or a block of rows (1-D arrays) in ``table``."""
        if self._sink is not None:
            self._sink.append(table, **columns)
        else:
            self._emit_rows(table, columns)

    # What follows is pymeasure's protocol, for its own Worker and windows.

    def startup(self) -> None:
        """Prepare, for a pymeasure Worker."""
        self.prepare()

    def execute(self) -> None:
        """Do all units, for a pymeasure Worker; it may stop within one cell."""
        interrupted = _interrupt_by(self.array, self.should_stop)
        try:
            units = self.units()
            for done, unit in enumerate(units, 1):
                if self.should_stop():
                    return
                self.measure(unit)
                self.emit("progress", 100.0 * done / len(units))
        except AbortedError:
            if not self.should_stop():
                raise
        finally:
            interrupted()

    def shutdown(self) -> None:
        """Clean up, for a pymeasure Worker."""
        self.cleanup()

    def get_estimates(self) -> float:
        """Return the bench time, s, for pymeasure's estimator."""
        return self.estimate()

    def _emit_rows(self, table: str, columns: dict[str, Any]) -> None:
        names = _csv_columns(self.tables)
        length = max((np.size(v) for v in columns.values() if np.ndim(v)), default=None)
        rows = {
            names[table, name]: np.broadcast_to(value, length or 1).tolist()
            for name, value in columns.items()
        }
        for row in zip(*rows.values(), strict=True):
            self.emit("results", dict(zip(rows, row, strict=True)))


def _declared(cls: type[Procedure]) -> dict[str, Parameter]:
    """Return the parameters of a class in the order of declaration, base classes first."""
    found: dict[str, Parameter] = {}
    for base in reversed(cls.__mro__):
        for name, item in vars(base).items():
            if isinstance(item, Parameter):
                found[name] = item
            else:
                found.pop(name, None)
    return found


def _csv_columns(tables: Mapping[str, Mapping[str, Column]]) -> dict[tuple[str, str], str]:
    """Return the pymeasure name of every column; those of later tables carry the table's name."""
    named = {}
    for position, (table, columns) in enumerate(tables.items()):
        for name, column in columns.items():
            label = name if position == 0 else f"{table} {name}"
            named[table, name] = f"{label} ({column.unit})" if column.unit else label
    return named


def _interrupt_by(array: CellArray, should_stop: Callable[[], bool]) -> Callable[[], None]:
    """Make ``array`` stop between cells when told to; return what undoes it."""
    if not hasattr(array, "interrupt"):
        return lambda: None
    before = array.interrupt

    def interrupt() -> None:
        if should_stop():
            raise AbortedError("The worker was told to stop.")

    array.interrupt = interrupt
    return lambda: setattr(array, "interrupt", before)
