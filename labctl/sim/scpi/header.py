"""The tree of headers of an instrument: SCPI notation in, functions out.

Source: SCPI-99 volume 1, 6.2 (header traversal, numeric suffixes, short and long forms), from
memory.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from labctl.sim.scpi.command import Command, parameter_counts
from labctl.sim.status import Refused

_TOKEN = re.compile(r"\[|\]|:|([A-Za-z_]+)(<n>|\d+|\[\d+\])?")
_MNEMONIC = re.compile(r"([A-Za-z_]+)(\d*)")
MOST_MNEMONIC = 12
_LONGEST_SUFFIX = 9
_MOST_CACHED = 4096


@dataclass(frozen=True, slots=True)
class Form:
    """A header with one of its forms: what to call, and with how many parameters."""

    call: Callable[..., Any]
    least: int
    most: int
    urgent: bool


@dataclass(slots=True, eq=False)
class _Leaf:
    entry: int
    """Place in the table."""
    captured: tuple[int | None, ...]
    """Place in the header of the node of each ``<n>``; None where that node was left out."""


@dataclass(slots=True, eq=False)
class _Node:
    children: dict[str, list[tuple[str, _Node]]] = field(default_factory=dict)
    leaves: list[_Leaf] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mnemonic:
    """One node of a pattern: its name in SCPI notation and its suffix (``""`` for none)."""

    name: str
    suffix: str


@lru_cache(maxsize=4096)
def _spellings(name: str) -> tuple[str, ...]:
    """Return short and long form of a name in SCPI notation, upper case."""
    short = "".join(sign for sign in name if not sign.islower())
    return (short,) if short == name else (short, name.upper())


Sequence = tuple[tuple[int, Mnemonic], ...]


def expand(header: str) -> tuple[Sequence, ...]:
    """Return every way to write a header in SCPI notation, as numbered mnemonics, fullest first.

    Raises
    ------
    ValueError
        Where the notation is wrong: a mistake in a table of commands.
    """
    ways: list[list[Sequence]] = [[()]]  # one level per open bracket
    at = number = 0
    while at < len(header):
        found = _TOKEN.match(header, at)
        if found is None:
            raise ValueError(f"{header!r} is no header in SCPI notation (at {header[at:]!r}).")
        at, sign = found.end(), found.group()
        if sign == "[":
            ways.append([()])
        elif sign == "]" and len(ways) > 1:
            inner = ways.pop()
            ways[-1] = [way + more for way in ways[-1] for more in [*inner, ()]]
        elif sign == "]":
            raise ValueError(f"{header!r} has a bracket too many.")
        elif sign != ":":
            mnemonic = Mnemonic(found[1], found[2] or "")
            ways[-1] = [(*way, (number, mnemonic)) for way in ways[-1]]
            number += 1
    if len(ways) != 1:
        raise ValueError(f"{header!r} has a bracket that is not closed.")
    return tuple(way for way in ways[0] if way)


class HeaderTree:
    """Finds the function of a header as a program sends it.

    Where two entries of a table can be written alike, the earlier one is meant; a query form and
    a write form of one header may come from two entries.
    """

    def __init__(self, commands: Iterable[Command] = ()) -> None:
        self._table = tuple(commands)
        self._root = _grow(tuple(command.header for command in self._table))
        self._common: dict[str, Command] = {}
        self._found: dict[tuple[str, bool], Form] = {}
        for command in self._table:
            if command.header.startswith("*"):
                self._common.setdefault(command.header.upper(), command)

    def find(self, header: str, query: bool) -> Form:
        """Return the form of a header from the root, without its ``?``.

        Raises
        ------
        Refused
            -113 undefined header, -114 suffix out of range, -112 mnemonic too long.
        """
        key = (header, query)
        known = self._found.get(key)
        if known is None:
            known = self._look_up(header.upper(), query)
            if len(self._found) >= _MOST_CACHED:
                self._found.clear()
            self._found[key] = known
        return known

    def _look_up(self, header: str, query: bool) -> Form:
        if header.startswith("*"):
            command = self._common.get(header)
            call = _function(command, query) if command else None
            if command is None or call is None:
                raise Refused(-113, "Undefined header")
            return Form(call, *parameter_counts(call), command.urgent)
        tokens: list[tuple[str, str]] = []
        for mnemonic in header.split(":"):
            found = _MNEMONIC.fullmatch(mnemonic)
            if len(mnemonic) > MOST_MNEMONIC + 2:
                raise Refused(-112, "Program mnemonic too long")
            if found is None or len(found[2]) > _LONGEST_SUFFIX:
                raise Refused(-113, "Undefined header")
            tokens.append((found[1], found[2].lstrip("0") if found[2] != "0" else "0"))
        known = False
        for leaf in _leaves(self._root, tokens, 0, strict=True):
            known = True
            command = self._table[leaf.entry]
            call = _function(command, query)
            if call is not None:
                counts = parameter_counts(call)
                if "<n>" in command.header:
                    places = leaf.captured
                    suffixes = tuple(1 if k is None else int(tokens[k][1] or 1) for k in places)
                    call = partial(call, suffixes=suffixes)
                return Form(call, *counts, command.urgent)
        alike = any(_leaves(self._root, tokens, 0, strict=False))
        if alike and not known and any(suffix for _, suffix in tokens):
            raise Refused(-114, "Header suffix out of range")
        raise Refused(-113, "Undefined header")


@lru_cache(maxsize=64)
def _grow(headers: tuple[str, ...]) -> _Node:
    """Return the tree of a table; boxes of one model share it."""
    root = _Node()
    for entry, header in enumerate(headers):
        if header.startswith("*"):
            continue
        ways = expand(header)
        numbered = [k for k, mnemonic in max(ways, key=len) if mnemonic.suffix == "<n>"]
        for way in ways:
            node = root
            for _, mnemonic in way:
                node = _child(node, mnemonic)
            depth = {k: place for place, (k, _) in enumerate(way)}
            node.leaves.append(_Leaf(entry, tuple(depth.get(k) for k in numbered)))
    return root


def _function(command: Command, query: bool) -> Callable[..., Any] | None:
    return command.query if query else command.write or command.event


def _child(node: _Node, mnemonic: Mnemonic) -> _Node:
    """Return the child of a node for a mnemonic of a pattern, made where it is missing."""
    entries = [node.children.setdefault(text, []) for text in _spellings(mnemonic.name)]
    for suffix, child in entries[0]:
        if suffix == mnemonic.suffix and all((suffix, child) in e for e in entries):
            return child
    made = _Node()
    for entry in entries:
        entry.append((mnemonic.suffix, made))
    return made


def _leaves(
    node: _Node, tokens: list[tuple[str, str]], place: int, strict: bool
) -> Iterable[_Leaf]:
    """Yield what the rest of a header leads to; all suffixes fit unless not ``strict``."""
    if place == len(tokens):
        yield from node.leaves
        return
    text, digits = tokens[place]
    for suffix, child in node.children.get(text, ()):
        if not strict or _fits(suffix, digits):
            yield from _leaves(child, tokens, place + 1, strict)


def _fits(pattern: str, digits: str) -> bool:
    """Tell whether the digits after a mnemonic fit its pattern; none at all mean 1."""
    if pattern == "<n>":
        return True
    if pattern == "":
        return digits == ""
    return (digits or "1") == pattern.strip("[]")
