-- KISweep, the factory script of sweeps: voltage or current, linear, logarithmic or from a list.
-- (Reference Manual, "Factory scripts", Sweep... functions.) SI units, times in s.
local delay, ipairs, pairs = delay, ipairs, pairs

local SETTINGS = { "appendmode", "collectsourcevalues", "collecttimestamps" }

-- Step through the levels; readings, source values and times go into nvbuffer1 of the channel.
local function sweep(smu, func, level, measure, levels, settle)
  local buffer, kept = smu.nvbuffer1, {}
  smu.source.output = smu.OUTPUT_OFF
  smu.source.func = func
  buffer.clear()
  smu.nvbuffer2.clear()
  for _, name in ipairs(SETTINGS) do
    kept[name] = buffer[name]
    buffer[name] = 1
  end
  smu.source[level] = levels[1]
  smu.source.output = smu.OUTPUT_ON
  for _, x in ipairs(levels) do
    smu.source[level] = x
    delay(settle)
    smu.measure[measure](buffer)
  end
  smu.source[level] = 0
  smu.source.output = smu.OUTPUT_OFF
  buffer.appendmode = kept.appendmode
end

local function linear(start, stop, points)
  local levels = {}
  for k = 0, points - 1 do
    levels[k + 1] = points > 1 and start + (stop - start) * k / (points - 1) or start
  end
  return levels
end

local function logarithmic(start, stop, points)
  local levels = {}
  for k = 0, points - 1 do
    levels[k + 1] = points > 1 and start * (stop / start) ^ (k / (points - 1)) or start
  end
  return levels
end

local function listed(list, points)
  local levels = {}
  for k = 1, points do levels[k] = list[k] end
  return levels
end

function SweepVLinMeasureI(smu, start, stop, settle, points)
  sweep(smu, 1, "levelv", "i", linear(start, stop, points), settle)
end
function SweepVLogMeasureI(smu, start, stop, settle, points)
  sweep(smu, 1, "levelv", "i", logarithmic(start, stop, points), settle)
end
function SweepVListMeasureI(smu, list, settle, points)
  sweep(smu, 1, "levelv", "i", listed(list, points), settle)
end
function SweepILinMeasureV(smu, start, stop, settle, points)
  sweep(smu, 0, "leveli", "v", linear(start, stop, points), settle)
end
function SweepILogMeasureV(smu, start, stop, settle, points)
  sweep(smu, 0, "leveli", "v", logarithmic(start, stop, points), settle)
end
function SweepIListMeasureV(smu, list, settle, points)
  sweep(smu, 0, "leveli", "v", listed(list, points), settle)
end
