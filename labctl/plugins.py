"""Finding drivers and procedures by name in the namespace packages of those names.

``drivers`` and ``procedures`` have no ``__init__.py``. A lab's own folders of these names, beside
its bench file, merge with those that come with labctl.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from labctl.errors import BenchFileError, LabctlError, ProcedureError

DRIVERS = "drivers"
PROCEDURES = "procedures"


def add_workspace(path: str | Path) -> None:
    """Let the ``drivers`` and ``procedures`` in folder ``path`` be found too.

    The folder goes to the end of the search path, so that nothing in it hides a module of
    labctl or of Python. Naming it twice does nothing.

    Raises
    ------
    ProcedureError
        Where one of the folders is a regular package and would hide all plug-ins of labctl.
    """
    folder = Path(path).resolve()
    for kind in (DRIVERS, PROCEDURES):
        marker = folder / kind / "__init__.py"
        if marker.exists():
            raise ProcedureError(
                f"{marker} turns {kind} into a package that hides the {kind} of labctl. Remove it; "
                f"the folder {kind} works without."
            )
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()


def procedures() -> dict[str, type[Any]]:
    """Return every procedure that can be loaded, by name; see :func:`broken` for the others."""
    return _load_procedures()[0]


def broken() -> dict[str, str]:
    """Return name -> what is wrong, for every procedure plug-in that cannot be used."""
    return _load_procedures()[1]


def procedure(name: str) -> type[Any]:
    """Return the procedure called ``name``.

    Raises
    ------
    ProcedureError
        Naming near matches where there is none, or what is wrong with its file.
    """
    if name not in _names(PROCEDURES):
        raise ProcedureError(f"There is no procedure {name!r}{_near(name, _names(PROCEDURES))}")
    try:
        return _procedure_class(_module(PROCEDURES, name))
    except _PluginError as error:
        raise ProcedureError(f"Procedure {name!r} cannot be used: {error}") from error


def driver_names() -> list[str]:
    """Return the names of all drivers found; none of them is imported."""
    return sorted(_names(DRIVERS))


def driver(name: str) -> ModuleType:
    """Return the driver module called ``name``.

    Raises
    ------
    BenchFileError
        Naming near matches where there is none, or what is wrong with its file.
    """
    if name not in _names(DRIVERS):
        raise BenchFileError(f"There is no driver {name!r}{_near(name, _names(DRIVERS))}")
    try:
        return _module(DRIVERS, name)
    except _PluginError as error:
        raise BenchFileError(f"Driver {name!r} cannot be used: {error}") from error


class _PluginError(LabctlError):
    """A plug-in file that cannot be used."""


def _load_procedures() -> tuple[dict[str, type[Any]], dict[str, str]]:
    good: dict[str, type[Any]] = {}
    wrong: dict[str, str] = {}
    for name, files in sorted(_names(PROCEDURES).items()):
        try:
            good[name] = _procedure_class(_module(PROCEDURES, name))
        except _PluginError as error:
            wrong[name] = str(error)
        for hidden in files[1:]:
            wrong[f"{name} ({hidden})"] = f"{hidden} is hidden by {files[0]}: rename it."
    return good, wrong


def _names(kind: str) -> dict[str, list[Path]]:
    """Return plug-in name -> files of that name, the one that is imported first."""
    try:
        package = importlib.import_module(kind)
    except ModuleNotFoundError:
        return {}
    found: dict[str, list[Path]] = {}
    for folder in dict.fromkeys(package.__path__):
        for module in pkgutil.iter_modules([folder]):
            if not module.name.startswith("_"):
                file = Path(folder) / (module.name if module.ispkg else f"{module.name}.py")
                found.setdefault(module.name, []).append(file)
    return found


def _module(kind: str, name: str) -> ModuleType:
    if f"{kind}.{name}" not in sys.modules:
        importlib.invalidate_caches()  # the file may have been put there a moment ago
    try:
        return importlib.import_module(f"{kind}.{name}")
    except (Exception, SystemExit) as error:  # whatever a plug-in does, the others still work
        where = ""
        if isinstance(error, SyntaxError):
            where = f" ({error.filename}, line {error.lineno})"
        elif frames := traceback.extract_tb(error.__traceback__):
            where = f" ({frames[-1].filename}, line {frames[-1].lineno})"
        raise _PluginError(f"{type(error).__name__}: {error}{where}") from error


def _procedure_class(module: ModuleType) -> type[Any]:
    """Return the one procedure that a module defines.

    The base class is looked up rather than imported: the bench needs drivers from here, and may
    not depend on procedures. A module that defines a procedure has imported it.
    """
    base = getattr(sys.modules.get("labctl.procedure"), "Procedure", None)
    own = [
        item
        for item in vars(module).values()
        if base is not None
        and isinstance(item, type)
        and issubclass(item, base)
        and item.__module__ == module.__name__
        and not item.__name__.startswith("_")
    ]
    if len(own) != 1:
        listed = ", ".join(item.__name__ for item in own) or "none"
        raise _PluginError(
            f"{module.__file__} must define exactly one class derived from "
            f"labctl.procedure.Procedure (found: {listed}); begin the names of helper classes "
            "with an underscore."
        )
    return own[0]


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 3)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    return f"; there are {', '.join(sorted(known))}." if known else "."
