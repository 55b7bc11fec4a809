"""One change that breaks one behaviour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A behaviour, how it is broken, and who must notice.

    Attributes
    ----------
    name
        The behaviour that is broken, in words.
    file
        Of the simulator, relative to the tree.
    old, new
        Text that stands there exactly once, and what replaces it.
    tests
        Test files or folders that are run, relative to the tree; the first failure ends them.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
