"""Trees of headers, messages and parameters that a generator made reach what they mean."""

from __future__ import annotations

import math
import string
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.sim.scpi import Command
from labctl.sim.scpi.header import HeaderTree, expand
from labctl.sim.scpi.parameter import read_parameters
from tests.sim.scpi.toy import Toy, answer, error

QUICK = settings(max_examples=60, deadline=None, database=None, derandomize=True)


@dataclass(frozen=True)
class Node:
    """A node of a generated header; no two in a tree have a spelling in common."""

    short: str
    tail: str
    suffix: str  # "", "[1]", "<n>" or a number
    optional: bool

    @property
    def pattern(self) -> str:
        body = f":{self.short}{self.tail}{self.suffix}"
        return f"[{body}]" if self.optional else body


@st.composite
def trees(draw: Any) -> list[list[Node]]:
    """Headers as lists of nodes; several share their beginning."""
    letters = iter(draw(st.permutations(string.ascii_uppercase)))
    consonants = st.text(string.ascii_uppercase, min_size=1, max_size=3)

    def node(optional: bool) -> Node:
        return Node(
            next(letters) + draw(consonants),
            draw(st.text(string.ascii_lowercase, max_size=6)),
            draw(st.sampled_from(["", "", "[1]", "<n>", "3"])),
            optional,
        )

    headers = []
    for _ in range(draw(st.integers(1, 3))):
        stem = [node(draw(st.booleans())) for _ in range(draw(st.integers(0, 2)))]
        for _ in range(draw(st.integers(1, 2))):
            tail = [node(True) for _ in range(draw(st.integers(0, 1)))]
            headers.append([*stem, node(False), *tail])
    return headers


@st.composite
def spellings(draw: Any, header: list[Node]) -> tuple[list[str], tuple[int, ...]]:
    """A way to write a header, and the suffixes it hands over."""
    words, suffixes = [], []
    for node in header:
        captured = 1
        if not (node.optional and draw(st.booleans())):
            word = node.short + (node.tail if draw(st.booleans()) else "")
            word = "".join(draw(st.sampled_from([sign.upper(), sign.lower()])) for sign in word)
            if node.suffix == "<n>":
                number = draw(st.sampled_from(["", "1", "2", "17"]))
                captured = int(number or 1)
                word += number
            elif node.suffix == "[1]":
                word += draw(st.sampled_from(["", "1"]))
            else:
                word += node.suffix
            words.append(word)
        if node.suffix == "<n>":
            suffixes.append(captured)
    return words, tuple(suffixes)


BLANK = st.sampled_from([" ", "  ", "\t", "\x01 "])
MAYBE = st.sampled_from(["", " ", "\t "])
FACTORS = {"": 1.0, "m": 1e-3, "U": 1e-6, "n": 1e-9, "k": 1e3, "MA": 1e6, "P": 1e-12, "G": 1e9}


@st.composite
def numbers(draw: Any) -> tuple[str, str, Any]:
    value = draw(st.floats(-1e30, 1e30, allow_subnormal=False))
    written = draw(st.sampled_from(["{!r}", "{:.3f}", "{:+.6E}", "{:e}"])).format(value)
    value = float(written)
    if draw(st.booleans()):
        return written, "number", value
    factor = draw(st.sampled_from(list(FACTORS)))
    unit = draw(st.sampled_from(["V", "a", "HZ", "Ohm", "s"]))
    scale = 1e6 if factor == "m" and unit in ("HZ", "Ohm") else FACTORS[factor]
    return f"{written}{draw(MAYBE)}{factor}{unit}", "number", value * scale


@st.composite
def based(draw: Any) -> tuple[str, str, Any]:
    value = draw(st.integers(0, 2**40))
    sign, code = draw(st.sampled_from([("H", "X"), ("h", "x"), ("Q", "o"), ("b", "b")]))
    return f"#{sign}{value:{code}}", "number", float(value)


@st.composite
def strings(draw: Any) -> tuple[str, str, Any]:
    value = draw(st.text(st.characters(codec="latin-1", exclude_characters="\n"), max_size=12))
    quote = draw(st.sampled_from("'\""))
    return quote + value.replace(quote, 2 * quote) + quote, "string", value


@st.composite
def blocks(draw: Any) -> tuple[str, str, Any]:
    value = draw(st.binary(max_size=30))
    length = str(len(value)).zfill(draw(st.integers(2, 4)))
    return f"#{len(length)}{length}" + value.decode("latin-1"), "block", value


WORDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,8}", fullmatch=True).map(
    lambda word: (word, "word", word.upper())
)
LISTS = st.lists(st.integers(1, 9999), min_size=1, max_size=5).map(
    lambda channels: (f"(@{','.join(map(str, channels))})", "expression", channels)
)
PARAMETERS = st.one_of(numbers(), based(), strings(), blocks(), WORDS, LISTS)


@st.composite
def messages(draw: Any) -> tuple[list[list[Node]], str, list[tuple[int, tuple[int, ...], Any]]]:
    """Headers of a box, a message for it, and what it must do."""
    headers = draw(trees())
    parts, expected = [], []
    path: list[str] = []
    for place in range(draw(st.integers(1, 4))):
        number = draw(st.integers(0, len(headers) - 1))
        words, suffixes = draw(spellings(headers[number]))
        relative = place > 0 and words[: len(path)] == path and len(words) > len(path)
        if relative and (draw(st.booleans()) or not path):
            written = ":".join(words[len(path) :])
        else:
            written = ":" + ":".join(words)
        path = words[:-1]
        given_ = draw(st.lists(PARAMETERS, max_size=3))
        separator = draw(MAYBE) + "," + draw(MAYBE)
        data = separator.join(parameter[0] for parameter in given_)
        parts.append(written + (draw(BLANK) + data if given_ else "") + draw(MAYBE))
        expected.append((number, suffixes, [(kind, value) for _, kind, value in given_]))
        if draw(st.booleans()):
            parts.append(draw(st.sampled_from(["*WAI", " *cls ", ""])))
    return headers, ";".join(parts), expected


def same(kind: str, value: Any, found: Any) -> bool:
    if kind == "number":
        return math.isclose(value, found, rel_tol=1e-12, abs_tol=0.0)
    if kind == "expression":
        return found == "@" + ",".join(map(str, value))
    return bool(found == value)


@QUICK
@given(messages(), st.data())
def test_generated_messages_reach_their_commands_with_their_values(made: Any, data: Any) -> None:
    headers, message, expected = made
    done: list[tuple[int, tuple[int, ...], Any]] = []

    def note(number: int, *parameters: Any, suffixes: tuple[int, ...] = ()) -> None:
        done.append((number, suffixes, [(p.kind, p.value) for p in parameters]))

    table = [
        Command("".join(node.pattern for node in header), event=partial(note, number))
        for number, header in enumerate(headers)
    ]
    box = Toy(table)
    sent = message.encode("latin-1") + b"\n"
    while sent:  # in pieces, as they come over a socket
        size = data.draw(st.integers(1, len(sent)))
        box.feed(sent[:size], end=False)
        sent = sent[size:]
    assert not box.status.errors
    assert [(number, suffixes) for number, suffixes, _ in done] == [
        (number, suffixes) for number, suffixes, _ in expected
    ]
    for (_, _, wanted), (_, _, found) in zip(expected, done, strict=True):
        assert [kind for kind, _ in wanted] == [kind for kind, _ in found]
        assert all(same(kind, value, f[1]) for (kind, value), f in zip(wanted, found, strict=True))


@QUICK
@given(trees(), st.data())
def test_only_short_and_long_forms_are_understood(made: Any, data: Any) -> None:
    header = data.draw(st.sampled_from(made))
    key = next(node for node in header if not node.optional)
    if len(key.tail) < 2:
        return
    words, _ = data.draw(spellings(header))
    between = key.short + key.tail[: data.draw(st.integers(1, len(key.tail) - 1))]
    number = key.suffix if key.suffix == "3" else ""
    place = next(k for k, w in enumerate(words) if w.upper().startswith(key.short))
    words[place] = between + number
    box = Toy([Command("".join(node.pattern for node in header), event=lambda *p: None)])
    assert answer(box, ":".join(words)) is None
    assert error(box) == -113


def test_notation_expands_to_all_its_ways() -> None:
    ways = {":".join(m.name for _, m in way) for way in expand("[:SENSe[1]]:CURRent[:DC]:RANGe")}
    assert ways == {
        "SENSe:CURRent:DC:RANGe", "SENSe:CURRent:RANGe", "CURRent:DC:RANGe", "CURRent:RANGe",
    }  # fmt: skip


@pytest.mark.parametrize("header", [":VOLT[:LEV", ":VOLT]", ":VO LT", ":VOLT<m>"])
def test_wrong_notation_in_a_table_is_found_at_once(header: str) -> None:
    with pytest.raises(ValueError, match=r"header in SCPI notation|bracket"):
        HeaderTree([Command(header, event=lambda: None)])


def test_query_and_write_form_may_come_from_two_entries() -> None:
    box = Toy([Command(":HALF", query=lambda: "Q"), Command(":HALF", event=lambda: None)])
    assert answer(box, "HALF;HALF?") == "Q"
    assert error(box) == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("CALC2:LIM:UPP? 1", -108),
        ("CALC3:LIM1:UPP?", -114),
        ("VOLT2 1", -114),
        ("VOLT", -109),
        ("VOLT 1,2", -108),
        ("VOLT 'a'", -104),
        ("VOLT (@1)", -104),
        ("VOLT MEDIUM", -224),
        ("VOLT 22", -222),
        ("VOLT 1e999", -222),
        ("VOLT 1A", -131),
        ("VOLT 1XV", -131),
        ("VOLT 1E99999", -123),
        ("VOLT 1 2", -103),
        ("VOLT ,1", -102),
        ("VOLT 1,", -109),
        ("VOLT 'a", -151),
        ("VOLT #15abc", -161),
        ("VOLT #HXY", -161),
        ("VOLT $", -101),
        ("VOLT,1", -111),
        ("VOLT1E", -113),
        ("VOLT?1", -111),
        (":VOLT :LEV", -101),
        ("VOLT::LEV 1", -111),
        ("::VOLT 1", -110),
        ("$VOLT", -101),
        ("1VOLT", -102),
        ("*XYZ", -113),
        ("*IDN", -113),
        ("STAR?", -113),
        ("NOTHING?", -113),
        ("ABCDEFGHIJKLMNOPQ 1", -112),
        ("ROUT:CLOS (@1!a)", -171),
        ("ROUT:CLOS (1)", -171),
        ("ROUT:CLOS (@1", -171),
        ("COUN 256", -222),
        ("COUN 1.6V", -138),
        ("MODE SLO", -224),
        ("MODE 1", -104),
        ("NAME word", -104),
        ("STAT MAYBE", -224),
        ("REFU", -221),
    ],
)
def test_what_is_wrong_gets_its_number(message: str, code: int) -> None:
    box = Toy()
    assert answer(box, message) is None
    assert error(box) == code
    assert error(box) == 0
    assert box.level == 0.0
    assert box.seen == []


@pytest.mark.parametrize(
    ("message", "seen"),
    [
        ("ROUT:CLOS (@1!1!1, 2 : 3,04)", [((1, 1, 1),) * 2, ((2,), (3,)), ((4,), (4,))]),
        ("MODE slow", 2),
        ("NAME 'it''s;:'", "it's;:"),
        ("NAME \"a''b\"", "a''b"),
        ("STAT ON", True),
        ("STAT 0", False),
        ("STAT 0.6", True),
        ("COUN 2.5E0", 2),
        ("COUN #HfF", 255),
        ("COUN max", 255),
    ],
)
def test_converters(message: str, seen: Any) -> None:
    box = Toy()
    answer(box, message)
    assert box.seen == [seen]


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("5 MV", 5e-3, "V"),
        ("5MA", 5e-3, "A"),
        ("5uA", 5e-6, "A"),
        ("5 PA", 5e-12, "A"),
        ("5MAV", 5e6, "V"),
        ("5MHZ", 5e6, "HZ"),
        ("5 MOHM", 5e6, "OHM"),
        ("5kohm", 5e3, "OHM"),
        ("5 mS", 5e-3, "S"),
        ("5E-3 V", 5e-3, "V"),
        ("5 e -3V", 5e-3, "V"),
    ],
)
def test_multipliers_and_units(written: str, value: float, unit: str) -> None:
    (parameter,), end = read_parameters(f" {written} ;", 0)
    assert parameter.value == pytest.approx(value, rel=1e-12)
    assert (parameter.unit, end) == (unit, len(written) + 2)


def test_a_setting_tells_its_limits() -> None:
    assert answer(Toy(), "VOLT? MIN;VOLT? MAXimum;VOLT? def") == "-21;21;0"
