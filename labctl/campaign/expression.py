"""The expressions of campaign files: a grammar of its own, which knows nothing of Python.

::

    logic      = comparison with not, and, or
    comparison = sum (("<" | "<=" | "==" | "!=" | ">=" | ">") sum)*
    sum        = product (("+" | "-") product)*
    product    = factor (("*" | "/") factor)*
    factor     = "-" factor | number [unit] | 'text' | true | false | name("." name)*
               | function "(" logic ("," logic)* ")" | "(" logic ")"
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labctl.errors import LabctlError

LONGEST = 500
"""Characters of the longest expression."""
DEEPEST = 40
"""Parentheses, minus signs and functions inside each other."""
COMPARISONS = ("<=", ">=", "==", "!=", "<", ">")
WORDS = frozenset({"and", "or", "not", "true", "false"})
"""Words that are no names and no units."""
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\s*(?P<unit>[A-Za-zµμΩ%]+)(?![\w.(]))?
    |(?P<text>'[^']*'|"[^"]*")
    |(?P<name>[A-Za-z_]\w*)
    |(?P<op><=|>=|==|!=|[<>+\-*/(),.])
    )""",
    re.VERBOSE,
)


class ExpressionError(LabctlError):
    """An expression that cannot be read, or has no value."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, with its unit where it has one."""

    value: float
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text in quotes."""

    value: str


@dataclass(frozen=True, slots=True)
class Truth:
    """``true`` or ``false``."""

    value: bool


@dataclass(frozen=True, slots=True)
class Name:
    """A name: of a value or loop variable, or ``step.result``, or ``step.table.column``."""

    parts: tuple[str, ...]

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    function: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Minus:
    """The negative of something."""

    item: Node


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of something."""

    item: Node


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A sum, difference, product or quotient."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comparison:
    """A chain of comparisons: ``a < b <= c``."""

    items: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Logic:
    """``and`` or ``or`` of two or more."""

    operator: str
    items: tuple[Node, ...]


Node = Number | Text | Truth | Name | Call | Minus | Not | Arithmetic | Comparison | Logic


def parse(text: str) -> Node:
    """Return what an expression says.

    Raises
    ------
    ExpressionError
        Saying where it cannot be read, and what would be possible there.

    Examples
    --------
    >>> str(parse("form.yield"))
    'form.yield'
    """
    if len(text) > LONGEST:
        raise ExpressionError(f"{len(text)} characters are too many; {LONGEST} are possible")
    return _Parser(text).whole()


def names(node: Node) -> Iterator[Name]:
    """Yield every name in an expression, in the order written."""
    if isinstance(node, Name):
        yield node
    elif isinstance(node, Call):
        for item in node.arguments:
            yield from names(item)
    elif isinstance(node, Minus | Not):
        yield from names(node.item)
    elif isinstance(node, Arithmetic):
        yield from names(node.left)
        yield from names(node.right)
    elif isinstance(node, Comparison | Logic):
        for item in node.items:
            yield from names(item)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    unit: str
    place: int


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    end = len(text.rstrip())
    while place < end:
        match = _TOKEN.match(text, place)
        if match is None:
            near = text[place:].strip()[:12]
            raise ExpressionError(f"{near!r} cannot be read in {text!r}")
        kind = next(k for k in ("number", "text", "name", "op") if match[k] is not None)
        unit, until = match["unit"] or "", match.end()
        if unit in WORDS:
            unit, until = "", match.end("number")
        found.append(_Token(kind, match[kind], unit, match.start(kind)))
        place = until
    return found


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._tokens = text, _tokens(text)
        self._at, self._depth = 0, 0

    def whole(self) -> Node:
        node = self._logic("or")
        if self._at < len(self._tokens):
            raise self._wrong("an operator, or the end")
        return node

    def _logic(self, operator: str) -> Node:
        inner = self._negation if operator == "and" else lambda: self._logic("and")
        items = [inner()]
        while self._take("name", operator):
            items.append(inner())
        return items[0] if len(items) == 1 else Logic(operator, tuple(items))

    def _negation(self) -> Node:
        if self._take("name", "not"):
            with self._deeper():
                return Not(self._negation())
        items, operators = [self._sum()], []
        while operator := self._take("op", *COMPARISONS):
            operators.append(operator)
            items.append(self._sum())
        return items[0] if not operators else Comparison(tuple(items), tuple(operators))

    def _sum(self) -> Node:
        node = self._product()
        while operator := self._take("op", "+", "-"):
            node = Arithmetic(operator, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._factor()
        while operator := self._take("op", "*", "/"):
            node = Arithmetic(operator, node, self._factor())
        return node

    def _factor(self) -> Node:
        with self._deeper():
            if self._take("op", "-"):
                return Minus(self._factor())
            if self._take("op", "("):
                node = self._logic("or")
                self._need(")")
                return node
            token = self._tokens[self._at] if self._at < len(self._tokens) else None
            if token is None or token.kind == "op" or token.text in ("and", "or", "not"):
                raise self._wrong("a value")
            self._at += 1
            if token.kind == "number":
                return Number(float(token.text), token.unit)
            if token.kind == "text":
                return Text(token.text[1:-1])
            if token.text in ("true", "false"):
                return Truth(token.text == "true")
            return self._name(token.text)

    def _name(self, first: str) -> Node:
        if self._take("op", "("):
            arguments = [] if self._peek(")") else [self._logic("or")]
            while self._take("op", ","):
                arguments.append(self._logic("or"))
            self._need(")")
            return Call(first, tuple(arguments))
        parts = [first]
        while self._take("op", "."):
            token = self._tokens[self._at] if self._at < len(self._tokens) else None
            if token is None or token.kind != "name":
                raise self._wrong("a name")
            parts.append(token.text)
            self._at += 1
        return Name(tuple(parts))

    def _peek(self, text: str) -> bool:
        return self._at < len(self._tokens) and self._tokens[self._at].text == text

    def _take(self, kind: str, *texts: str) -> str:
        """Return the next token and go on where it is one of these; empty otherwise."""
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            if token.kind == kind and token.text in texts:
                self._at += 1
                return token.text
        return ""

    def _need(self, text: str) -> None:
        if not self._take("op", text):
            raise self._wrong(repr(text))

    def _wrong(self, wanted: str) -> ExpressionError:
        if self._at < len(self._tokens):
            found = f"at {self._text[self._tokens[self._at].place :][:20]!r}"
        else:
            found = "at the end"
        return ExpressionError(f"{self._text!r} needs {wanted} {found}")

    def _deeper(self) -> _Depth:
        return _Depth(self)


class _Depth:
    """Counts how deep the parser is; a hostile expression ends in an error, not in the stack."""

    def __init__(self, parser: _Parser) -> None:
        self._parser = parser

    def __enter__(self) -> None:
        self._parser._depth += 1
        if self._parser._depth > DEEPEST:
            raise ExpressionError(f"more than {DEEPEST} levels inside each other")

    def __exit__(self, *error: object) -> None:
        self._parser._depth -= 1
