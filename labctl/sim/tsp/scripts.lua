-- Scripts: loaded, named, run, saved. Run once, after objects.lua.
-- (Reference Manual, "Manage scripts", script.* and scriptVar.*.)
local sandbox, host, objects = ...

local G = _G
local type, pairs, setmetatable, error = type, pairs, setmetatable, error
local rawset, rawget = rawset, rawget
local wrap, load, say = sandbox.wrap, sandbox.load, objects.say

local failed, save, delete = wrap(host.script_failed), wrap(host.script_save), wrap(host.script_delete)
local saved = wrap(host.script_saved)
local script, user, factory = {}, {}, {}

local GETTERS = { name = true, source = true, autorun = true }
local hidden = setmetatable({}, { __mode = "k" }) -- script -> name, source, autorun

local function scriptvar(body, text, name, autorun)
  local own = { name = name or "", source = text, autorun = autorun and "yes" or "no" }
  local parts = {
    run = function() return body() end,
    list = function() say(text) end,
    save = function(file)
      if file ~= nil then return save(own.name, own.source, own.autorun, file) end
      save(own.name, own.source, own.autorun)
    end,
  }
  local shown = {}
  for k, v in pairs(parts) do shown[k] = v end
  local object = setmetatable({}, {
    __call = function() return body() end,
    __index = function(_, k) return parts[k] or own[k] end,
    __newindex = function(_, k, v)
      if not GETTERS[k] then error("attempt to set unknown attribute of a script", 0) end
      if type(v) ~= "string" then error("attribute '" .. k .. "' of a script is a string", 0) end
      if k == "source" then
        local new, message = load(v, "tsp")
        if not new then return failed(message) end
        body, text = new, v
      end
      own[k] = v
    end,
    __metatable = { luatype = "script", Getters = GETTERS, Setters = GETTERS, Objects = shown },
  })
  hidden[object] = own
  return object
end

-- Raw, because the host calls this too, where a script's metamethods must not run.
local function define(text, name, autorun)
  local body, message = load(text, "tsp")
  if not body then
    failed(message)
    return nil
  end
  local object = scriptvar(body, text, name, autorun)
  if name and name ~= "" then
    rawset(G, name, object)
    rawset(user, name, object)
    rawset(script, name, object)
  else
    rawset(script, "anonymous", object)
    local function run() return object() end
    rawset(script, "run", run)
    rawset(G, "run", run)
  end
  return object
end

function script.new(text, name)
  if type(text) ~= "string" then error("bad argument #1 to 'new' (string expected)", 2) end
  if name ~= nil and type(name) ~= "string" then
    error("bad argument #2 to 'new' (string expected)", 2)
  end
  return define(text, name)
end

function script.newautorun(text, name)
  local object = script.new(text, name)
  if object then
    hidden[object].autorun = "yes"
    object.run()
  end
  return object
end

function script.delete(name)
  local object = rawget(user, name)
  if object and rawget(G, name) == object then rawset(G, name, nil) end
  rawset(user, name, nil)
  if object and rawget(script, name) == object then rawset(script, name, nil) end
  delete(name)
end

function script.restore(name)
  local text = saved(name)
  if type(text) == "string" then return define(text, name) end
end

local function catalog(of)
  return function()
    local names = {}
    for name in pairs(of) do names[#names + 1] = name end
    local k = 0
    return function()
      k = k + 1
      return names[k]
    end
  end
end

-- Until a script is loaded, the anonymous one is empty.
define("", "")
script.user = { scripts = user, catalog = catalog(user) }
script.factory = { scripts = factory, catalog = catalog(factory) }
G.script = script

local EXIT = "\0exit"
function G.exit() error(EXIT, 0) end

-- The scripts that come with the instrument: functions that stand in the globals already.
local function define_factory(text, name)
  local body = load(text, "tsp")
  factory[name] = scriptvar(body, text, name)
end

-- What node[N] offers besides the objects of the instrument.
local function give_access(object)
  objects.put(object, "execute", function(text)
    if type(text) ~= "string" then error("bad argument #1 to 'execute' (string expected)", 2) end
    local body, message = load(text, "tsp")
    if not body then return failed(message) end
    body()
  end)
  objects.put(object, "getglobal", function(name) return G[name] end)
  objects.put(object, "setglobal", function(name, value) G[name] = value end)
end

return { define = define, define_factory = define_factory, give_access = give_access }
