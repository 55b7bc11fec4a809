-- Reading buffers as a script sees them. Run once, after objects.lua.
local sandbox, host, objects = ...

local pairs, type, setmetatable, error = pairs, type, setmetatable, error
local wrap, collect, ids = sandbox.wrap, sandbox.collect, objects.ids

local alive, taken = setmetatable({}, { __mode = "v" }), {}
local buffer_get, buffer_set = wrap(host.buffer_get), wrap(host.buffer_set)
local buffer_item, buffer_clear = wrap(host.buffer_item), wrap(host.buffer_clear)
local buffer_new, buffer_free = wrap(host.buffer_new), wrap(host.buffer_free)

local COLUMNS = {
  "readings", "sourcevalues", "timestamps", "statuses", "sourcefunctions", "measurefunctions",
  "measureranges", "sourceranges", "sourceoutputstates", "units",
}
local GETTERS = {
  "n", "capacity", "next", "basetimestamp", "appendmode", "cachemode", "collectsourcevalues",
  "collecttimestamps", "fillcount", "fillmode", "timestampresolution",
}
local SETTERS = {
  "appendmode", "cachemode", "collectsourcevalues", "collecttimestamps", "fillcount", "fillmode",
  "timestampresolution",
}

local function set_of(list)
  local found = {}
  for _, name in pairs(list) do found[name] = true end
  return found
end

local function column_of(id, name)
  local function reading(i) return buffer_item(id, name, i) end
  local methods = { getreading = reading }
  local column = setmetatable({}, {
    __index = function(_, i) return methods[i] or reading(i) end,
    __newindex = function() error("a column of a reading buffer is read-only", 0) end,
    __metatable = {
      luatype = "synchronous_table",
      Getters = {}, Setters = {}, Objects = { getreading = reading },
    },
  })
  ids[column] = id .. ":" .. name
  return column
end

local function buffer(id)
  local function reading(i) return buffer_item(id, "readings", i) end
  local parts = {
    clear = function() buffer_clear(id) end,
    clearcache = function() end,
    getreading = reading,
  }
  for _, name in pairs(COLUMNS) do parts[name] = column_of(id, name) end
  local shown = {}
  for name, value in pairs(parts) do shown[name] = value end
  local object = setmetatable({}, {
    __index = function(_, k)
      if type(k) == "number" then return reading(k) end
      return parts[k] or buffer_get(id, k)
    end,
    __newindex = function(_, k, v) buffer_set(id, k, v) end,
    __metatable = {
      luatype = "reading_buffer",
      Getters = set_of(GETTERS), Setters = set_of(SETTERS), Objects = shown,
    },
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
    id = buffer_new(size, true)
  end
  if id then
    taken[id] = true
    return buffer(id)
  end
end

return {
  add_buffer = function(parent, key, id) objects.put(parent, key, buffer(id)) end,
  add_buffer_maker = function(parent) objects.put(parent, "makebuffer", make_buffer) end,
}
