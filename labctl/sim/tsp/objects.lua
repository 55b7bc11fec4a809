-- What the objects of an instrument look like to a script: print, nodes, functions.
--
-- Run once, after sandbox.lua, whose result it gets together with a table of host functions.
-- Programs walk the objects by their metatables: Getters and Setters hold the names of the
-- attributes, Objects what is constant: functions, constants, objects below.
local sandbox, host = ...

local G = _G
local type, tostring, select, unpack, pairs = type, tostring, select, unpack, pairs
local setmetatable, error, rawset, rawget = setmetatable, error, rawset, rawget
local wrap = sandbox.wrap

-- print ----------------------------------------------------------------------------------------

local say = wrap(host.print)
local OPAQUE = { table = true, ["function"] = true, thread = true, userdata = true }

local function speak(n, ...)
  if n < 4 then
    local a, b, c = ...
    if not (OPAQUE[type(a)] or OPAQUE[type(b)] or OPAQUE[type(c)]) then return say(...) end
  end
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
-- attributes in `getters` and `setters`. What getmetatable shows of it are copies.

local inside = setmetatable({}, { __mode = "k" }) -- node -> static, getters, setters, shown
local ids = setmetatable({}, { __mode = "k" }) -- buffer or column -> what the host calls it

local function put(object, key, value)
  local parts = inside[object]
  parts.static[key] = value
  parts.shown.Objects[key] = value
end

-- Add constants, attributes and functions to a node.
local function extend(object, constants, getters, setters, functions)
  local parts = inside[object]
  for k, v in pairs(constants) do put(object, k, v) end
  for k, v in pairs(functions) do put(object, k, wrap(v)) end
  for k, v in pairs(getters) do
    parts.getters[k], parts.shown.Getters[k] = wrap(v), true
  end
  for k, v in pairs(setters) do
    parts.setters[k], parts.shown.Setters[k] = wrap(v), true
  end
end

local function node(path)
  local static, getters, setters = {}, {}, {}
  local shown = { luatype = "object", Getters = {}, Setters = {}, Objects = {} }
  local object = setmetatable({}, {
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
    __metatable = shown,
  })
  inside[object] = { static = static, getters = getters, setters = setters, shown = shown }
  return object
end

local function place(parent, key, value)
  if parent then put(parent, key, value) else rawset(G, key, value) end
end

-- Add a node under its parent (nil: a global) with key a name or a number.
local function add(parent, key, path, constants, getters, setters, functions)
  local object = node(path)
  extend(object, constants, getters, setters, functions)
  place(parent, key, object)
  return object
end

-- `node`: node[n] is the node `own`, or an object of another instrument; whatever a script does
-- with one of those is done there. `resolve` tells which: "own", "remote" or nil.
local function add_nodes(own, resolve, index, newindex)
  local which, get, set = wrap(resolve), wrap(index), wrap(newindex)
  local function remote(n, path)
    local function inner(k)
      return path .. (type(k) == "number" and "[" .. k .. "]" or "." .. tostring(k))
    end
    local proxy = setmetatable({}, {
      __index = function(_, k)
        local kind, value = get(n, inner(k), false)
        if kind == "object" then return remote(n, inner(k)) end
        return value
      end,
      __newindex = function(_, k, v) set(n, inner(k), v) end,
      __call = function(_, ...)
        local count, values = select("#", ...), { ... }
        for i = 1, count do values[i] = ids[values[i]] or values[i] end
        return select(2, get(n, path, true, unpack(values, 1, count)))
      end,
      __metatable = { luatype = "remote" },
    })
    ids[proxy] = "\1node" .. n .. path -- what the host calls it where it is handed to a function
    return proxy
  end
  rawset(G, "node", setmetatable({}, {
    __index = function(_, n)
      local kind = which(n)
      if kind == "own" then return own end
      if kind == "remote" then return remote(n, "") end
    end,
    __newindex = function() error("node is read-only", 0) end,
    __metatable = { luatype = "synchronous_table" },
  }))
end

-- Say what a value is to the host: "value" and it, "buffer" and its name, or "object".
local function describe(v)
  if ids[v] then return "buffer", ids[v] end
  if OPAQUE[type(v)] then return "object" end
  return "value", v
end
-- Of the usual single result, the two without a table around them; nothing for no result.
local function described(n, first, ...)
  if n == 0 then return end
  if n == 1 and not OPAQUE[type(first)] then return "value", first end
  local found = { first, ... }
  for k = 1, n do found[k] = { describe(found[k]) } end
  return found
end
local kept = sandbox.results
local function count(...) return described(select("#", ...), ...) end
local function results() return count(kept()) end

-- Make what stands in the globals reachable below `object` too, but for names it has itself.
local function share(object)
  local parts = inside[object]
  for k, v in pairs(G) do
    if inside[v] and v ~= object and k ~= "node" and parts.static[k] == nil then
      parts.static[k] = v
    end
  end
  for _, k in pairs({ "delay", "waitcomplete", "opc", "gettimezone", "settime" }) do
    parts.static[k] = rawget(G, k)
  end
end

-- Functions ------------------------------------------------------------------------------------

-- Call a host function whose arguments may be buffers or columns: it gets their names.
local function named(h)
  local call = wrap(h)
  return function(...)
    local n = select("#", ...)
    if n == 0 then return call() end
    if n == 1 then
      local one = ...
      return call(ids[one] or one)
    end
    local values = { ... }
    for i = 1, n do values[i] = ids[values[i]] or values[i] end
    return call(unpack(values, 1, n))
  end
end

local function add_function(parent, key, h) place(parent, key, named(h)) end

G.printbuffer, G.printnumber = named(host.printbuffer), wrap(host.printnumber)

-- A function that goes through the names a host function knows: for name in x.catalog() do.
local function add_catalog(object, h)
  local names = wrap(h)
  put(object, "catalog", function()
    local all, k = names(), 0
    return function()
      k = k + 1
      return all[k]
    end
  end)
end

-- A getter of any table, as a function (Reference Manual, makegetter).
function G.makegetter(t, k) return function() return t[k] end end
function G.makesetter(t, k) return function(v) t[k] = v end end

return {
  add = add, extend = extend, put = put, place = place, ids = ids, say = say,
  add_function = add_function, add_catalog = add_catalog, add_nodes = add_nodes, results = results, share = share,
}
