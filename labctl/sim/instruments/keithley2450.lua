-- The objects of a Keithley 2450 as a script sees them: proxies of what the host keeps.
--
-- Run once in a fresh state. `k2450` holds the host functions get(path, name), set(path, name,
-- value) and call(path, ...); `names` gives constants, functions and children by path.
local get, set, call, describe = k2450.get, k2450.set, k2450.call, k2450.describe
local item, state, change = k2450.item, k2450.state, k2450.change
k2450 = nil

local pairs, type, tostring, tonumber = pairs, type, tostring, tonumber
local select, unpack = select, unpack
local setmetatable, error, rawset = setmetatable, error, rawset
local ids = setmetatable({}, { __mode = "k" }) -- buffer or column -> what the host calls it
local kept = setmetatable({}, { __mode = "v" }) -- buffer by its name

-- Reading buffers ------------------------------------------------------------------------------

local COLUMNS = describe("columns")

local function column(id, name)
  local object = setmetatable({}, {
    __index = function(_, i) return item(id, name, i) end,
    __newindex = function() error("a column of a reading buffer is read-only", 0) end,
    __metatable = { luatype = "synchronous_table", Getters = {}, Setters = {}, Objects = {} },
  })
  ids[object] = id .. ":" .. name
  return object
end

local function buffer(id)
  if kept[id] then return kept[id] end
  local parts = { clear = function() call("buffer.clear", id) end }
  for _, name in pairs(COLUMNS) do parts[name] = column(id, name) end
  local shown = {}
  for name, value in pairs(parts) do shown[name] = value end
  local object = setmetatable({}, {
    __index = function(_, k)
      if type(k) == "number" then return item(id, "readings", k) end
      local part = parts[k]
      if part ~= nil then return part end
      return state(id, k)
    end,
    __newindex = function(_, k, v) change(id, k, v) end,
    __metatable = {
      luatype = "reading_buffer", Objects = shown,
      Getters = { n = true, capacity = true, fillmode = true, startindex = true, endindex = true },
      Setters = { capacity = true, fillmode = true },
    },
  })
  ids[object] = id .. ":readings"
  kept[id] = object
  return object
end

-- Functions ------------------------------------------------------------------------------------

-- Make a result usable: the host names a buffer that it has made.
local function deliver(first, ...)
  if first == "\0buffer" then return buffer((...)) end
  return first, ...
end

local function method(path)
  return function(...)
    local n, values = select("#", ...), { ... }
    for i = 1, n do values[i] = ids[values[i]] or values[i] end
    return deliver(call(path, unpack(values, 1, n)))
  end
end

-- Objects --------------------------------------------------------------------------------------

local function set_of(list)
  local found = {}
  for _, name in pairs(list) do found[tonumber(name) or name] = true end
  return found
end

local function object(path)
  local static = {}
  for name, value in pairs(describe("constants", path)) do static[name] = value end
  for _, name in pairs(describe("functions", path)) do static[name] = method(path .. "." .. name) end
  for _, name in pairs(describe("children", path)) do
    local key = tonumber(name) or name
    static[key] = object(path .. "." .. name)
  end
  local shown = {}
  for name, value in pairs(static) do shown[name] = value end
  local attributes = set_of(describe("attributes", path))
  return setmetatable({}, {
    __index = function(_, k)
      local value = static[k]
      if value ~= nil then return value end
      if attributes[k] then return get(path, k) end
    end,
    __newindex = function(_, k, v)
      if attributes[k] then
        set(path, k, v)
      elseif static[k] ~= nil then
        error("attribute '" .. path .. "." .. tostring(k) .. "' is read-only", 0)
      else
        error("attempt to set unknown attribute '" .. path .. "." .. tostring(k) .. "'", 0)
      end
    end,
    __metatable = { luatype = "object", Getters = attributes, Setters = attributes, Objects = shown },
  })
end

for _, name in pairs(describe("roots")) do rawset(_G, name, object(name)) end
for _, name in pairs({ "defbuffer1", "defbuffer2" }) do rawset(_G, name, buffer(name)) end
printbuffer, waitcomplete = method("printbuffer"), method("waitcomplete")
errorqueue = nil
