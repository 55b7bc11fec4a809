"""What scripts try in order to get out of the simulated instrument."""

from __future__ import annotations

import pytest

from labctl.sim.tsp import Budget
from tests.sim.instruments.tsp import Talker
from tests.sim.rig import Rig

SMALL = Budget(instructions=200_000, seconds=0.3)


@pytest.fixture
def smu() -> Talker:
    """A box that gives up on a script after a tenth of the usual effort."""
    return Talker(budget=SMALL)


FORBIDDEN = (
    "python", "io", "require", "package", "module", "debug", "load", "loadfile",
    "loadstring", "dofile", "getfenv", "setfenv", "newproxy", "string.dump",
    "os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname", "os.setlocale",
)  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_name_is_absent(smu: Talker, name: str) -> None:
    assert smu.ask(f"print({name})") == "nil"


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
def test_escape_ends_in_a_runtime_error_and_the_box_goes_on(smu: Talker, attack: str) -> None:
    smu.send(attack)
    assert smu.codes() == [-286]
    assert smu.ask("print(1)") == "1.00000e+00"


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
    "long concatenation": "local s = string.rep('x', 1e6) while true do local t = s .. s end",
    "pcall that catches the abort": (
        "while true do pcall(function() while true do pcall(error, 'x') end end) end"
    ),
    "resumed coroutines": (
        "while true do local c = coroutine.create(function() while true do end end) "
        "coroutine.resume(c) end"
    ),
    "finaliser": "setmetatable({}, {__gc = function() while true do end end}) while true do end",
    "comparison in sort": (
        "t = {} for i = 1, 1e4 do t[i] = -i end table.sort(t, function(a, b) while true do end end)"
    ),
    "replacement in gsub": (
        "string.gsub(string.rep('x', 1e4), '.', function() while true do end end)"
    ),
    "sorting for ever": "t = {} for i = 1, 1e5 do t[i] = -i end while true do table.sort(t) end",
    "shifting a long table": (
        "t = {} for i = 1, 1e5 do t[i] = i end while true do table.insert(t, 1, 0) end"
    ),
    "joining a long table": (
        "t = {} for i = 1, 1e5 do t[i] = 'x' end while true do local s = table.concat(t) end"
    ),
    "repeating": "while true do local s = string.rep('x', 7e6) end",
    "upper case": "local s = string.rep('x', 7e6) while true do local u = s:upper() end",
    "formatting": "while true do local s = string.format('%q', string.rep('y', 1e6)) end",
    "unpacking": "unpack({}, 1, 1e8)",
    "replacing by much": "string.gsub(string.rep('x', 4e6), '.', string.rep('y', 4e6))",
    "plain search": "string.find(string.rep('a', 4e6), string.rep('a', 2e6) .. 'b', 1, true)",
    "data queue": (
        "t = {} for i = 1, 5000 do t[i] = i end while true do dataqueue.add(t) dataqueue.next() end"
    ),
}


@pytest.mark.parametrize("script", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless_script_is_broken_off_and_costs_bench_time(smu: Talker, script: str) -> None:
    before = smu.clock.now()
    smu.send(script)
    (error,) = smu.box.status.errors
    assert (error.code, error.text) == (
        -286,
        "TSP Runtime error at line 1: instruction budget exceeded",
    )
    assert smu.clock.now() - before >= 0.2
    assert smu.ask("print(1)") == "1.00000e+00"


def test_usual_budget_is_some_seconds_of_bench_time(rig: Rig) -> None:
    before = rig.world.clock.now()
    rig.smu.write("while true do end")
    assert rig.error(rig.smu)[0] == -286
    assert rig.world.clock.now() - before > 1.0


def test_endless_metamethod_of_the_globals_does_not_stop_script_loading(rig: Rig) -> None:
    rig.smu.write("setmetatable(_G, {__newindex = function() while true do end end})")
    rig.smu.write("setmetatable(script, {__newindex = function() while true do end end})")
    for line in ("loadscript fine", "print(5)", "endscript"):
        rig.smu.write(line)
    assert float(rig.smu.query("fine.run()")) == 5


@pytest.mark.parametrize("body", ["error('undeclared: ' .. tostring(key))", "while true do end"])
def test_metatable_of_the_globals_is_for_scripts_alone(smu: Talker, body: str) -> None:
    # The host asks the state for globals outside of any protection: an error ends the program.
    smu.send(f"setmetatable(_G, {{__index = function(_, key) {body} end}})")
    assert smu.ask("print(1)") == "1.00000e+00"
    assert smu.ask("*IDN?").startswith("Keithley")
    smu.send("loadscript strict", "print(unknown)", "endscript", "strict.run()")
    assert smu.codes() == [-286]
    assert smu.ask("unknown = 2 print(unknown)") == "2.00000e+00"


GREEDY = {
    "table": "t = {} for i = 1, 1e9 do t[i] = {} end",
    "strings": "t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1e5) .. i end",
    "doubling": "local s = string.rep('x', 1e6) while true do s = s .. s end",
    "one repetition": "local s = string.rep('x', 1e12)",
    "pcall around allocation": (
        "t = {} while true do pcall(function() while true do t[#t + 1] = "
        "string.rep('x', 1e5) .. #t end end) end"
    ),
}


@pytest.mark.parametrize("script", GREEDY.values(), ids=GREEDY.keys())
def test_memory_is_bounded(script: str) -> None:
    smu = Talker(budget=Budget(seconds=1.0, memory=8 << 20))
    smu.send(script)
    assert smu.codes()[0] in (-225, -286)
    smu.send("t = nil collectgarbage()", "*CLS")
    assert smu.ask("print(smua.source.output)") == "0.00000e+00"


def test_memory_cap_is_that_of_the_budget() -> None:
    smu = Talker(budget=Budget(memory=8 << 20))
    grow = "t[i] = string.rep('x', 1e5) .. i userstring.add('kept', tostring(i))"
    smu.send(f"t = {{}} for i = 1, 1e9 do {grow} end")
    assert smu.codes()[0] in (-225, -286)
    assert 40 < smu.number("userstring.get('kept')") < 84  # of 1e5 bytes


@pytest.mark.parametrize(
    "script",
    [
        "string.find(string.rep('a', 30), string.rep('a?', 30) .. string.rep('a', 30))",
        "string.find(string.rep('a', 1e6), string.rep('.-', 200))",
        "string.gsub(string.rep('a', 1e5), '.-.-.-.-b', '')",
        "string.match(string.rep('a', 1e6), string.rep('a?', 1e6))",
        "string.find('', string.rep('a*', 1e6))",
        "string.find(string.rep('(', 4e6), '%b()')",
        "string.find(string.rep('a', 3e5), '(a*)%1b')",
        "string.find(string.rep('a', 4e3), '[' .. string.rep('%w', 200) .. ']*b*')",
        "for w in string.gmatch(string.rep('a ', 1e5), '%a+%s*%a+') do end",
    ],
)
def test_pattern_that_would_take_for_ever_is_refused(smu: Talker, script: str) -> None:
    smu.send(script)
    assert smu.codes() == [-286]


UNHARMFUL = {
    "width of a format": "string.format('%99999s', 'x')",
    "deep brackets": "x = " + "(" * 100_000 + "1" + ")" * 100_000,
    "deep tables": "x = " + "{" * 100_000 + "}" * 100_000,
    "recursion in C": "local function g() return string.gsub('x', 'x', g) end g()",
    "coroutine in coroutine": (
        "local function n() local c = coroutine.wrap(function() n() end) c() end n()"
    ),
    "index that leads to itself": (
        "t = setmetatable({}, {}) getmetatable(t).__index = function(t, k) return t[k] end "
        "print(t.x)"
    ),
    "metatable of strings": "getmetatable('').__index = nil",
    "metatable of a node": "setmetatable(smua.source, nil)",
    "bytes of a long string": "string.byte(string.rep('x', 7e6), 1, -1)",
    "table as a name": "script.new('x = 1', {})",
    "wrong order for sort": (
        "t = {} for i = 1, 1e4 do t[i] = -i end table.sort(t, function() return true end)"
    ),
}


@pytest.mark.parametrize("script", UNHARMFUL.values(), ids=UNHARMFUL.keys())
def test_trick_ends_in_an_error_that_names_nothing_of_the_host(smu: Talker, script: str) -> None:
    smu.send(script)
    (error,) = smu.box.status.errors
    assert error.code in (-285, -286)
    assert ".lua" not in error.text
    assert "python" not in error.text.lower()
    assert smu.ask("print(1)") == "1.00000e+00"


def test_what_a_script_changes_of_its_own_does_not_reach_the_instrument(rig: Rig) -> None:
    rig.smu.write("string.format = nil string.rep = nil tostring = nil type = nil pairs = nil")
    rig.smu.write("for k in next, getmetatable(smua) do getmetatable(smua)[k] = nil end")
    rig.smu.write("rawset(smua.source, 'levelv', 5)")
    assert rig.smu.query("print(smub.source.levelv, {} ~= nil)") == "0.00000e+00\ttrue"
    rig.smu.write("smub.source.levelv = 1")
    assert rig.smu.query("print(smub.source.levelv)") == "1.00000e+00"


@pytest.mark.parametrize("how", ["device clear", "abort"])
def test_box_answers_after_an_endless_sweep(smu: Talker, how: str) -> None:
    smu.send("smua.trigger.source.listv({1, 2}) smua.trigger.source.action = smua.ENABLE")
    smu.send("smua.trigger.arm.count = 0 smua.trigger.count = 0 smua.trigger.initiate()")
    smu.send("while true do end")
    if how == "abort":
        smu.send("abort")
    else:
        smu.box.device_clear()
    smu.send("*CLS", "waitcomplete()")
    assert smu.ask("print(status.operation.sweeping.condition)") == "0.00000e+00"


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
