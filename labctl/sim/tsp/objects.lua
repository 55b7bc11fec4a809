-- What the objects of an instrument look like to a script: nodes, reading buffers, scripts, and
-- print. Run once, after sandbox.lua, whose result it gets together with a table of host functions.
local sandbox, host = ...

local G = _G
local type, tostring, select, unpack, pairs = type, tostring, select, unpack, pairs
local setmetatable, error, rawset, rawget = setmetatable, error, rawset, rawget
local wrap, load, collect = sandbox.wrap, sandbox.load, sandbox.collect

-- print ----------------------------------------------------------------------------------------

local say = wrap(host.print)
local OPAQUE = { table = true, ["function"] = true, thread = true, userdata = true }

local function speak(n, ...)
  for i = 1, n do
    if OPAQUE[type((select(i, ...)))] then
      local values = { ... }
      for k = 1, n do
        if OPAQUE[type(values[k])] then values[k] = tostring(values[k]) end
      end
      return say(unpack(values, 1, n))
    end
  end
  return say(...)
end
function G.print(...) speak(select("#", ...), ...) end

-- Nodes ----------------------------------------------------------------------------------------
-- A node is an empty table; its metatable holds constants, functions and children in `static`,
-- attributes in `getters` and `setters`. What getmetatable shows of it is a copy of the names.

local statics = setmetatable({}, { __mode = "k" }) -- node -> its static table

local function names(of)
  local copy = {}
  for k in pairs(of) do copy[k] = true end
  return copy
end

local function node(path, constants, getters, setters, functions)
  local static, shown = {}, {}
  for k, v in pairs(constants) do static[k] = v end
  for k, v in pairs(functions) do static[k] = wrap(v) end
  for k, v in pairs(getters) do getters[k] = wrap(v) end
  for k, v in pairs(setters) do setters[k] = wrap(v) end
  local object = {}
  setmetatable(object, {
    __index = function(_, k)
      local v = static[k]
      if v ~= nil then return v end
      local get = getters[k]
      if get then return get() end
    end,
    __newindex = function(_, k, v)
      local set = setters[k]
      if set then
        set(v)
      elseif getters[k] or static[k] ~= nil then
        error("attribute '" .. path .. "." .. tostring(k) .. "' is read-only", 0)
      else
        error("attempt to set unknown attribute '" .. path .. "." .. tostring(k) .. "'", 0)
      end
    end,
    __metatable = { luatype = "object", Getters = names(getters), Setters = names(setters), Objects = shown },
  })
  statics[object] = static
  return object, static, shown
end

local shown_of = setmetatable({}, { __mode = "k" })

-- Add a node under its parent (nil: a global) with key a name or a number.
local function add(parent, key, path, constants, getters, setters, functions)
  local object, static, shown = node(path, constants, getters, setters, functions)
  shown_of[object] = shown
  if parent then
    statics[parent][key] = object
    shown_of[parent][key] = object
  else
    G[key] = object
  end
  return object
end

-- Reading buffers ------------------------------------------------------------------------------

local ids = setmetatable({}, { __mode = "k" }) -- buffer or column -> what the host calls it
local alive, taken = setmetatable({}, { __mode = "v" }), {}
local buffer_get, buffer_set = wrap(host.buffer_get), wrap(host.buffer_set)
local buffer_item, buffer_clear = wrap(host.buffer_item), wrap(host.buffer_clear)
local buffer_new, buffer_free = wrap(host.buffer_new), wrap(host.buffer_free)
local COLUMNS = { "readings", "sourcevalues", "timestamps", "statuses", "sourcefunctions",
  "measurefunctions", "measureranges", "sourceranges", "sourceoutputstates", "units" }

local function nothing() end

local function buffer(id)
  local columns = {}
  for _, name in pairs(COLUMNS) do
    local column = setmetatable({}, {
      __index = function(_, i) return buffer_item(id, name, i) end,
      __newindex = function() error("a column of a reading buffer is read-only", 0) end,
      __metatable = { luatype = "readingbuffer_column" },
    })
    ids[column] = id .. ":" .. name
    columns[name] = column
  end
  local object = {}
  local clear = function() buffer_clear(id) end
  setmetatable(object, {
    __index = function(_, k)
      if type(k) == "number" then return buffer_item(id, "readings", k) end
      if k == "clear" then return clear end
      if k == "clearcache" then return nothing end
      return columns[k] or buffer_get(id, k)
    end,
    __newindex = function(_, k, v) buffer_set(id, k, v) end,
    __metatable = { luatype = "reading_buffer", Getters = { n = true, capacity = true } },
  })
  ids[object] = id .. ":readings"
  alive[id] = object
  return object
end

local function make_buffer(size)
  local id = buffer_new(size)
  if id == false then -- all places taken: give back those that no script holds any more
    collect()
    for other in pairs(taken) do
      if alive[other] == nil then
        taken[other] = nil
        buffer_free(other)
      end
    end
    id = buffer_new(size)
  end
  if id then
    taken[id] = true
    return buffer(id)
  end
end

-- Call a host function whose arguments may be buffers or columns: it gets their names.
local function named(h)
  local call = wrap(h)
  return function(...)
    local n, values = select("#", ...), { ... }
    for i = 1, n do values[i] = ids[values[i]] or values[i] end
    return call(unpack(values, 1, n))
  end
end
-- As `named`, for functions that usually get no argument at all.
local function measuring(h)
  local call, general = wrap(h), named(h)
  return function(...)
    if select("#", ...) == 0 then return call() end
    return general(...)
  end
end

G.printbuffer, G.printnumber = named(host.printbuffer), wrap(host.printnumber)

local function add_function(parent, key, h, kind)
  local f = kind == "measure" and measuring(h) or named(h)
  if parent then statics[parent][key] = f else G[key] = f end
end
local function add_buffer(parent, key, id) statics[parent][key] = buffer(id) end
local function add_buffer_maker(parent) statics[parent].makebuffer = make_buffer end
local function link(parent, key, child) statics[parent][key] = child end

-- Scripts --------------------------------------------------------------------------------------

local failed = wrap(host.script_failed)
local script = {}

local function define(text, name)
  local body, message = load(text, "tsp")
  if not body then failed(message) return nil end
  local object = { name = name or "", source = text, autorun = "no" }
  object.run = function() return body() end
  object.list = function() say(text) end
  object.save = function() end
  setmetatable(object, { __call = function() return body() end })
  -- Raw, because the host calls this too, where a script's metamethods must not run.
  if name and name ~= "" then
    rawset(G, name, object)
    rawset(script, name, object)
  else
    rawset(script, "anonymous", object)
    rawset(script, "run", object.run)
    rawset(G, "run", object.run)
  end
  return object
end
function script.new(text, name)
  if type(text) ~= "string" then error("bad argument #1 to 'new' (string expected)", 2) end
  return define(text, name)
end
script.newautorun = script.new
function script.delete(name)
  if rawget(script, name) and rawget(G, name) == rawget(script, name) then G[name] = nil end
  rawset(script, name, nil)
end
script.user = { scripts = script, catalog = function() return pairs(script) end }
G.script = script

local EXIT = "\0exit"
function G.exit() error(EXIT, 0) end
G.makegetter = function(t, k) return function() return t[k] end end
G.makesetter = function(t, k) return function(v) t[k] = v end end

return {
  add = add, add_function = add_function, add_buffer = add_buffer, link = link,
  add_buffer_maker = add_buffer_maker, define = define, wrap = wrap,
}
