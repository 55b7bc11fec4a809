"""What scripts try in order to get out of the simulated instrument."""

from __future__ import annotations

import pytest

from tests.sim.rig import Rig

FORBIDDEN = (
    "python", "os", "io", "require", "package", "module", "debug", "load", "loadfile",
    "loadstring", "dofile", "getfenv", "setfenv", "newproxy", "string.dump",
)  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_name_is_absent(rig: Rig, name: str) -> None:
    assert rig.smu.query(f"print({name})") == "nil"


ESCAPES = {
    "attribute of a host function": "print(delay.__class__)",
    "method of a host function": "print(delay:__init__())",
    "attribute through getmetatable": "print(getmetatable(delay).__index)",
    "globals of a host function": "print(smua.measure.i.__globals__)",
    "environment of a function": "print(getfenv(delay))",
    "upvalue of a host closure": "print(debug.getupvalue(print, 1))",
    "package loader": "print(package.loaded.python.eval('1'))",
    "string metatable": "print(getmetatable('').__index.dump)",
    "metatable of a node": "setmetatable(smua, {})",
    "real metatable of a node": "getmetatable(smua).__index(smua, 'x')",
    "compiled chunk": "print(loadstring('\\27Lua'))",
    "dumped function": "print(string.dump(print))",
    "userdata proxy": "print(newproxy(true))",
    "require": "require('os')",
}


@pytest.mark.parametrize("attack", ESCAPES.values(), ids=ESCAPES.keys())
def test_escape_ends_in_a_runtime_error_and_the_box_goes_on(rig: Rig, attack: str) -> None:
    rig.smu.write(attack)
    assert rig.error(rig.smu)[0] == -286
    assert rig.smu.query("print(1)") == "1.00000e+00"


def test_nothing_reachable_from_the_globals_is_userdata(rig: Rig) -> None:
    walk = (
        "seen, found = {}, 0 "
        "function walk(x) "
        "if type(x) == 'userdata' then found = found + 1 end "
        "if type(x) ~= 'table' or seen[x] then return end seen[x] = true "
        "local m = getmetatable(x) if m then walk(m) end "
        "for k, v in pairs(x) do walk(k) walk(v) end end "
        "walk(_G) walk(getmetatable('')) "
        "for _, o in pairs({smua, smub, localnode, format, errorqueue, display, status}) do "
        "for name in pairs(getmetatable(o).Getters) do walk(o[name]) end "
        "for _, child in pairs(getmetatable(o).Objects) do walk(child) end end "
        "print(found)"
    )
    assert float(rig.smu.query(walk)) == 0
    assert float(rig.smu.query("n = 0 for k in pairs(seen) do n = n + 1 end print(n)")) > 30


def test_host_error_reaches_pcall_as_text_only(rig: Rig) -> None:
    answer = rig.smu.query(
        "local ok, e = pcall(function() smua.nothing = 1 end) print(ok, type(e))"
    )
    assert answer == "false\tstring"


def test_binary_chunk_as_message_is_a_syntax_error(rig: Rig) -> None:
    rig.smu.write_raw(b"\x1bLuaQ\x00\x01\x04\x08\x04\x08\x00\n")
    assert rig.error(rig.smu)[0] == -285


ENDLESS = {
    "loop": "while true do end",
    "pcall around the budget": "while true do pcall(function() while true do end end) end",
    "xpcall with an endless handler": (
        "while true do xpcall(function() while true do end end, "
        "function() while true do end end) end"
    ),
    "coroutine": ("while true do pcall(coroutine.wrap(function() while true do end end)) end"),
    "nested coroutines": (
        "function nest() while true do pcall(coroutine.wrap(nest)) end end nest()"
    ),
    "tostring with an endless __tostring": (
        "print(setmetatable({}, {__tostring = function() while true do end end}))"
    ),
    "recursion": "function f() return f() end f()",
    "measuring for ever": "while true do smua.source.levelv = 0 end",
    "long concatenation": "local s = string.rep('x', 4e6) while true do local t = s .. s end",
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless_script_is_broken_off_and_costs_bench_time(rig: Rig, script: str) -> None:
    before = rig.world.clock.now()
    rig.smu.write(script)
    assert rig.error(rig.smu) == (
        -286,
        "TSP Runtime error at line 1: instruction budget exceeded",
    )
    assert rig.world.clock.now() - before > 1.0
    assert rig.smu.query("print(1)") == "1.00000e+00"


def test_endless_metamethod_of_the_globals_does_not_stop_script_loading(rig: Rig) -> None:
    rig.smu.write("setmetatable(_G, {__newindex = function() while true do end end})")
    rig.smu.write("setmetatable(script, {__newindex = function() while true do end end})")
    for line in ("loadscript fine", "print(5)", "endscript"):
        rig.smu.write(line)
    assert float(rig.smu.query("fine.run()")) == 5


GREEDY = {
    "table": "t = {} for i = 1, 1e9 do t[i] = {} end",
    "strings": "t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1e5) .. i end",
    "doubling": "local s = string.rep('x', 8e6) while true do s = s .. s end",
    "one repetition": "local s = string.rep('x', 1e12)",
    "pcall around allocation": (
        "t = {} while true do pcall(function() while true do t[#t + 1] = "
        "string.rep('x', 1e5) .. #t end end) end"
    ),
}


@pytest.mark.parametrize("script", GREEDY.values(), ids=GREEDY.keys())
def test_memory_is_bounded(rig: Rig, script: str) -> None:
    rig.smu.write(script)
    assert rig.error(rig.smu)[0] in (-225, -286)
    rig.smu.write("t = nil collectgarbage()")
    rig.smu.write("*CLS")
    assert rig.smu.query("print(smua.source.output)") == "0.00000e+00"


@pytest.mark.parametrize(
    "script",
    [
        "string.find(string.rep('a', 30), string.rep('a?', 30) .. string.rep('a', 30))",
        "string.find(string.rep('a', 1e6), string.rep('.-', 200))",
        "string.gsub(string.rep('a', 1e5), '.-.-.-.-b', '')",
        "string.match(string.rep('a', 1e6), string.rep('a?', 1e6))",
        "string.find('', string.rep('a*', 1e6))",
    ],
)
def test_pattern_that_would_take_for_ever_is_refused(rig: Rig, script: str) -> None:
    rig.smu.write(script)
    assert rig.error(rig.smu)[0] == -286


def test_ordinary_patterns_work(rig: Rig) -> None:
    assert rig.smu.query("print(string.gsub('  key = value ', '^%s*(.-)%s*$', '<%1>'))") == (
        "<key = value>\t1.00000e+00"
    )
    assert rig.smu.query("print(string.find('smua.source', '.', 1, true))") == (
        "5.00000e+00\t5.00000e+00"
    )


def test_yield_outside_a_coroutine_is_an_error_and_inside_it_works(rig: Rig) -> None:
    rig.smu.write("coroutine.yield(1)")
    assert rig.error(rig.smu)[0] == -286
    script = "c = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end)"
    rig.smu.write(script)
    assert rig.smu.query("print(c(1), c(5))") == "2.00000e+00\t1.00000e+01"
