-- The walls around the scripts of one simulated instrument.
--
-- Run once in a fresh Lua 5.1 state, before anything else. It takes what a script may not have
-- out of the globals and returns to the host (host.py) the functions it needs, all of them
-- closures over locals, so that a script cannot reach or replace what they use.
--
-- limits: steps (ticks of 1000 instructions per message), seconds (of processor time per
-- message), memory (kB), pattern (worst-case comparisons of one pattern match).
local limits = ...

local G = _G
local pairs, type, tostring, select, unpack = pairs, type, tostring, select, unpack
local error, pcall, setmetatable, next, rawget = error, pcall, setmetatable, next, rawget
local loadstring, setfenv, clock, collect = loadstring, setfenv, os.clock, collectgarbage
local sethook = debug.sethook
local create, resume, yield = coroutine.create, coroutine.resume, coroutine.yield
local running, status = coroutine.running, coroutine.status
local byte, find, match, gmatch, gsub = string.byte, string.find, string.match, string.gmatch, string.gsub
local rep, floor, tonumber = string.rep, math.floor, tonumber

local FAIL = "\0fail" -- first value of a host function that wants a run-time error
local STRAIN = "\0strain" -- first value of one that did much work; its result follows
local STEP = 1000
local ticks, exhausted, spent, last, spared = 0, false, 0, 0, false
local main -- the coroutine that messages run in

-- Budget ---------------------------------------------------------------------------------------
-- A count hook belongs to one coroutine, so every coroutine gets it when it is made. Once the
-- budget is used up the hook fires at every instruction: a pcall around the error gains nothing.

local function full()
  if collect("count") <= limits.memory then return false end
  collect()
  return collect("count") > limits.memory
end
local function check_memory()
  if full() then error("not enough memory", 0) end
end

local function tick()
  ticks = ticks + 1
  local problem = exhausted
  if not problem then
    -- One host call may take long (the first use of a compiled kernel): it counts half a second.
    local now = clock()
    local took = now - last
    if took > 0.5 and not spared then took, spared = 0.5, true end
    spent, last = spent + took, now
    if ticks > limits.steps or spent > limits.seconds then
      problem = "instruction budget exceeded"
    elseif full() then
      problem = "not enough memory"
    else
      return
    end
    exhausted = problem
  end
  sethook(running(), tick, "", 1)
  error(problem, 0)
end

local function guarded(f)
  if exhausted then error(exhausted, 0) end
  local co = create(f)
  sethook(co, tick, "", STEP)
  return co
end

coroutine.create = guarded
function coroutine.resume(co, ...)
  if exhausted then error(exhausted, 0) end
  return resume(co, ...)
end
function coroutine.yield(...)
  if running() == main then error("attempt to yield across metamethod/C-call boundary", 2) end
  return yield(...)
end
function coroutine.running()
  local co = running()
  if co ~= main then return co end
end
local function deliver(ok, ...)
  if not ok then error((...), 0) end
  return ...
end
function coroutine.wrap(f)
  local co = guarded(f)
  return function(...)
    if exhausted then error(exhausted, 0) end
    return deliver(resume(co, ...))
  end
end

-- The real xpcall calls its handler inside the hook that raised the error, where no hook fires.
local function handled(handler, ok, ...)
  if ok then return true, ... end
  return false, handler(...)
end
function G.xpcall(f, handler) return handled(handler, pcall(f)) end

-- What a script may not have -------------------------------------------------------------------

for _, name in pairs({
  "python", "os", "io", "require", "package", "module", "debug", "load", "loadfile", "loadstring",
  "dofile", "getfenv", "setfenv", "newproxy", "gcinfo",
}) do
  G[name] = nil
end
string.dump = nil

function G.collectgarbage(what)
  if what == "count" then return collect("count") end
  collect()
  return 0
end

-- What runs in C fires no hook: work there is estimated and charged before it starts.
local WORK = 1000 -- bytes or table items that count as one tick
local function charge(work)
  if work < WORK then return end
  ticks = ticks + floor(work / WORK)
  if ticks > limits.steps then
    exhausted = exhausted or "instruction budget exceeded"
    sethook(running(), tick, "", 1)
    error(exhausted, 0)
  end
end

-- Some patterns take exponential time. The worst case is bounded before the match starts: each of
-- k quantifiers may try every length, and so may %b and a back reference.
local QUANTIFIERS = { [42] = true, [43] = true, [45] = true } -- * + -
local SPANS = { [98] = true } -- b; digits are added below
for digit = 48, 57 do SPANS[digit] = true end
local function bounded(subject, pattern)
  if type(subject) ~= "string" and type(subject) ~= "number" then return end
  if type(pattern) ~= "string" then return end
  if #pattern > 500 then error("pattern too long", 3) end
  subject = tostring(subject)
  local size, work = #subject + 1, #subject + 1
  for k = 1, #pattern do
    local c = byte(pattern, k)
    if QUANTIFIERS[c] and k > 1 or c == 37 and SPANS[byte(pattern, k + 1)] then
      work = work * size
    elseif c == 63 then
      work = work * 2
    elseif c == 91 then -- a set is searched for every character
      work = work * (1 + #pattern / 16)
    end
    if work > limits.pattern then error("pattern too complex for a text of this length", 3) end
  end
  charge(work / 100)
end
function string.find(s, p, init, plain)
  if not plain then
    bounded(s, p)
  elseif type(s) == "string" and type(p) == "string" then
    charge(#s * #p / 1000)
  end
  return find(s, p, init, plain)
end
function string.match(s, p, init) bounded(s, p) return match(s, p, init) end
function string.gmatch(s, p) bounded(s, p) return gmatch(s, p) end
string.gfind = string.gmatch
function string.gsub(s, p, r, n)
  bounded(s, p)
  if type(r) == "string" and type(s) == "string" then charge(#s * (#r + 1) / 10) end
  if n ~= nil then return gsub(s, p, r, n) end
  return gsub(s, p, r)
end
function string.rep(s, n)
  s, n = tostring(s), tonumber(n)
  if not n then error("bad argument #2 to 'rep' (number expected)", 2) end
  if #s == 0 or n < 1 then return "" end
  if not (#s * n <= limits.memory * 256) then error("not enough memory", 2) end
  charge(#s * n / 100)
  return rep(s, n)
end
for _, name in pairs({ "upper", "lower", "reverse", "format", "sub" }) do
  local f = string[name]
  string[name] = function(...)
    local made = f(...)
    charge(#made / 10)
    return made
  end
end

-- Functions on tables cost as much as the table is long, sort a little more; at the end of a
-- table, insert and remove cost nothing.
for name, factor in pairs({ insert = 1, remove = 1, maxn = 1, concat = 2, sort = 10 }) do
  local f, free = table[name], name == "insert" and 1 or name == "remove" and 0
  table[name] = function(t, ...)
    if type(t) == "table" and select("#", ...) ~= free then charge(#t * factor) end
    if name == "concat" then check_memory() end
    return f(t, ...)
  end
end
function G.unpack(t, i, j)
  if type(t) == "table" then charge((tonumber(j) or #t) - (tonumber(i) or 1)) end
  return unpack(t, i, j)
end

-- The C library's generator is shared by the whole process; this one is the script's own.
local seed = 1
function math.randomseed(x) seed = floor(x) % 2147483646 + 1 end
function math.random(low, high)
  seed = (16807 * seed) % 2147483647
  local u = (seed - 1) / 2147483646
  if low == nil then return u end
  if high == nil then low, high = 1, low end
  if low > high then error("bad argument to 'random' (interval is empty)", 2) end
  return low + floor(u * (high - low + 1))
end

getmetatable("").__metatable = "string"

-- Host functions -------------------------------------------------------------------------------

-- A few instructions may call the host for long: the time is looked at after some calls, and
-- after each that says it took much.
local CALLS = 8
local calls = 0
local function look()
  calls = 0
  ticks = ticks - 1
  tick()
end
local function finish(first, ...)
  if first == FAIL then error((...), 0) end
  if first == STRAIN then
    look()
    return ...
  end
  return first, ...
end
local most = limits.memory
local function wrap(h)
  return function(...)
    if collect("count") > most then check_memory() end
    calls = calls + 1
    if calls == CALLS then look() end
    return finish(h(...))
  end
end

-- Globals --------------------------------------------------------------------------------------
-- The library between Lua and the host looks names up in the globals of the state, outside of all
-- protection: an error in a script's metamethod there would end the program, a loop would hang it.
-- So the state gets globals of its own, and a script those that it may do to what it likes.

local own = {}
for k, v in pairs(G) do own[k] = v end
setfenv(0, own)

local function chunk(text, name)
  local f, message = loadstring(text, "=" .. name)
  return f and setfenv(f, G), message
end

-- Messages -------------------------------------------------------------------------------------

local young, old, entries = {}, {}, 0 -- compiled messages; two generations make a cheap LRU

local function forget() young, old, entries = {}, {}, 0 end

local function compile(text)
  local f = young[text]
  if f then return f end
  f = old[text]
  if not f then
    if byte(text, 1) == 27 then return nil, "tsp:1: binary chunks are not accepted" end
    local message
    f, message = chunk(text, "tsp")
    if not f then return nil, message end
  end
  if #text < 2000 then
    if entries >= 512 then old, young, entries = young, {}, 0 end
    young[text], entries = f, entries + 1
  end
  return f
end

local keeping, kept, count -- whether the results of the message are wanted, and they
local function keep(...) kept, count = { ... }, select("#", ...) end
local function loop(f)
  while true do
    if keeping then keep(f()) else f() end
    f = yield()
  end
end

-- Run a message. Returns nothing if all went well, else kind ("syntax", "runtime", "memory" or
-- "") and message; the number of ticks comes last.
local function run(text, results)
  local f, message = compile(text)
  if not f then return "syntax", message, 0 end
  keeping, kept, count = results, nil, 0
  ticks, exhausted, spent, last, spared = 0, false, 0, clock(), false
  main = main or create(loop)
  sethook(main, tick, "", STEP) -- counts anew: a message costs what it does, whatever came before
  local ok, problem = resume(main, f)
  if exhausted then ticks = limits.steps end -- the same bench time whichever bound was met
  if ok and ticks == 0 then return end
  if not ok then
    main = nil
    -- Only the host can raise userdata: a signal that came between two host functions.
    if type(problem) == "userdata" then return "host", problem, ticks end
    if type(problem) ~= "string" then problem = "(error object is not a string)" end
  end
  if collect("count") > limits.memory then
    forget()
    collect()
    if collect("count") > limits.memory then return "memory", "", ticks end
  end
  return (ok and "" or "runtime"), problem, ticks
end

-- Compile a script body to a function that the factory objects can hold; for script loading.
local function load_text(text, name)
  if byte(text, 1) == 27 then return nil, "binary chunks are not accepted" end
  return chunk(text, name)
end

-- Return what the last message returned, if that was wanted.
local function results()
  if kept then return unpack(kept, 1, count) end
end

return { run = run, results = results, wrap = wrap, load = load_text, collect = collect }
