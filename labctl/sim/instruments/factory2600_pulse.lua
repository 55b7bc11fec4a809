-- KIPulse, the factory script of pulses: trains by script, and trains that are configured first
-- and then run by the trigger model, on one channel or on two at once.
-- (Reference Manual, "KIPulse factory script"; the texts of the messages are not the manual's.)
local delay, ipairs, type, tostring = delay, ipairs, type, tostring
local FASTEST = 1e-4 -- shortest pulse and pause, s
local AROUND = 1e-4 -- of a measurement besides its integration, s

local function train(smu, func, level_of, measure, bias, level, on, off, points)
  local buffer = smu.nvbuffer1
  buffer.clear()
  smu.nvbuffer2.clear()
  local append = buffer.appendmode
  buffer.appendmode = 1
  smu.source.func = func
  smu.source[level_of] = bias
  smu.source.output = smu.OUTPUT_ON
  for _ = 1, points do
    smu.source[level_of] = level
    delay(on)
    smu.measure[measure](buffer)
    smu.source[level_of] = bias
    delay(off)
  end
  smu.source.output = smu.OUTPUT_OFF
  buffer.appendmode = append
end

function PulseVMeasureI(smu, bias, level, on, off, points)
  train(smu, 1, "levelv", "i", bias, level, on, off, points)
end
function PulseIMeasureV(smu, bias, level, on, off, points)
  train(smu, 0, "leveli", "v", bias, level, on, off, points)
end

-- Configured trains ----------------------------------------------------------------------------

local tests = {}

local function numeric(...)
  for k = 1, select("#", ...) do
    if type((select(k, ...))) ~= "number" then return false end
  end
  return true
end

local function configure(test, sync_in, sync_out, sync_in_timeout, sync_in_abort)
  local t = test
  if type(t.smu) ~= "table" or not t.smu.source then return false, "smu is not a channel" end
  if not numeric(t.bias, t.limit, t.ton, t.toff, t.points, t.tag) then
    return false, "a parameter is not a number"
  end
  if t.points < 1 or t.points ~= math.floor(t.points) then return false, "points is below 1" end
  if #t.levels ~= t.points then return false, "a level is not a number, or points are too many" end
  if t.tag < 1 or t.tag ~= math.floor(t.tag) then return false, "tag is not a whole number from 1" end
  if t.ton < FASTEST or t.toff < FASTEST then return false, "ton or toff is below 100 us" end
  if type(t.buffer) ~= "table" or not t.buffer.capacity then return false, "buffer is none" end
  if t.buffer.capacity < t.points then return false, "buffer is smaller than points" end
  local aperture = t.smu.measure.nplc / localnode.linefreq
  if aperture + AROUND > t.ton then return false, "ton is shorter than the integration time" end
  t.sync_in, t.sync_out = sync_in, sync_out
  t.sync_in_timeout, t.sync_in_abort = sync_in_timeout or 10, sync_in_abort ~= false
  tests[t.tag] = t
  return true, "OK"
end

local function constant(level, points)
  local levels = {}
  for k = 1, points do levels[k] = level end
  return levels
end

local function between(start, stop, points, log)
  local levels = {}
  for k = 1, points do
    local part = points > 1 and (k - 1) / (points - 1) or 0
    levels[k] = log and start * (stop / start) ^ part or start + (stop - start) * part
  end
  return levels
end

local function levels_of(kind, start, stop, points)
  if not numeric(start, stop, points) or points < 1 or points > 60000 then return {} end
  if kind == "constant" then return constant(start, points) end
  return between(start, stop, points, kind == "log")
end

local function test_of(func, kind, smu, bias, start, stop, limit, ton, toff, points, buffer, tag)
  return {
    func = func, kind = kind, smu = smu, bias = bias, start = start, stop = stop, limit = limit,
    ton = ton, toff = toff, points = points, buffer = buffer, tag = tag,
    levels = levels_of(kind, start, stop, points),
  }
end

for letter, func in pairs({ V = 1, I = 0 }) do
  local other = letter == "V" and "I" or "V"
  local name = "ConfigPulse" .. letter .. "Measure" .. other
  _G[name] = function(smu, bias, level, limit, ton, toff, points, buffer, tag, ...)
    local test = test_of(func, "constant", smu, bias, level, level, limit, ton, toff, points, buffer, tag)
    return configure(test, ...)
  end
  for ending, kind in pairs({ SweepLin = "linear", SweepLog = "log" }) do
    _G[name .. ending] = function(smu, bias, start, stop, limit, ton, toff, points, buffer, tag, ...)
      local test = test_of(func, kind, smu, bias, start, stop, limit, ton, toff, points, buffer, tag)
      return configure(test, ...)
    end
  end
end

-- Set up the trigger model of one channel: pulses follow `period`, each ends `pulse` later.
local function set_up(t, period, pulse)
  local smu = t.smu
  local volts = t.func == 1
  smu.source.func = t.func
  smu.source[volts and "levelv" or "leveli"] = t.bias
  smu.trigger.source[volts and "listv" or "listi"](t.levels)
  smu.trigger.source[volts and "limiti" or "limitv"] = t.limit
  smu.trigger.source.action = smu.ENABLE
  smu.trigger.measure[volts and "i" or "v"](t.buffer)
  smu.trigger.measure.action = smu.ENABLE
  smu.trigger.count, smu.trigger.arm.count = t.points, 1
  smu.trigger.arm.stimulus = t.sync_in and digio.trigger[t.sync_in].EVENT_ID or 0
  smu.trigger.source.stimulus = period.EVENT_ID
  smu.trigger.measure.stimulus = 0
  smu.trigger.endpulse.stimulus = pulse.EVENT_ID
  smu.trigger.endpulse.action = smu.SOURCE_IDLE
  smu.trigger.endsweep.action = smu.SOURCE_IDLE
  t.kept = { smu.measure.autozero, smu.measure.delay }
  smu.measure.autozero = smu.AUTOZERO_ONCE
  local aperture = smu.measure.nplc / localnode.linefreq
  smu.measure.delay = math.max(t.ton - aperture - AROUND, 0)
  if t.sync_out then digio.trigger[t.sync_out].stimulus = smu.trigger.SOURCE_COMPLETE_EVENT_ID end
end

local function time(t, period, pulse, stimulus)
  period.reset()
  pulse.reset()
  period.delay, period.count, period.passthrough = t.ton + t.toff, math.max(t.points - 1, 1), true
  period.stimulus = stimulus
  pulse.delay, pulse.count = t.ton, 1
  pulse.stimulus = period.EVENT_ID
end

local function initiate(...)
  local chosen = {}
  for k = 1, select("#", ...) do
    local test = tests[(select(k, ...))]
    if not test then return false, "no pulse train is configured with this tag" end
    if test.smu.source.output ~= 1 then return false, "the output is off" end
    chosen[k] = test
  end
  if chosen[2] and chosen[2].smu == chosen[1].smu then return false, "both are the same channel" end
  local period = trigger.timer[7]
  for k, test in ipairs(chosen) do
    local pulse = trigger.timer[7 - k]
    if k == 1 then
      time(test, period, pulse, test.smu.trigger.ARMED_EVENT_ID)
    else
      pulse.reset()
      pulse.delay, pulse.count, pulse.stimulus = test.ton, 1, period.EVENT_ID
    end
    set_up(test, period, pulse)
  end
  for k = #chosen, 1, -1 do chosen[k].smu.trigger.initiate() end
  waitcomplete()
  for _, test in ipairs(chosen) do
    test.smu.measure.autozero, test.smu.measure.delay = test.kept[1], test.kept[2]
  end
  period.reset()
  return true, "OK"
end

function InitiatePulseTest(tag) return initiate(tag) end
function InitiatePulseTestDual(tag1, tag2) return initiate(tag1, tag2) end

function QueryPulseConfig(tag)
  local t = tests[tag]
  if not t then return nil end
  local copy = {}
  for k, v in pairs(t) do
    if k ~= "levels" and k ~= "kept" then copy[k] = v end
  end
  copy.func = t.func == 1 and "pulse v, measure i" or "pulse i, measure v"
  return setmetatable(copy, {
    __tostring = function()
      return copy.func .. ", bias " .. t.bias .. ", from " .. t.start .. " to " .. t.stop
        .. ", ton " .. t.ton .. ", toff " .. t.toff .. ", points " .. t.points
    end,
  })
end
