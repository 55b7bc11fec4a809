-- The factory script of the 2600 series: sweeps and pulses made of the instrument's own commands.
-- (Reference Manual, "Introduction to TSP operation", factory scripts.) SI units, times in s.

local function sweep(smu, level, measure, levels, settle)
  local buffer = smu.nvbuffer1
  smu.nvbuffer1.clear()
  smu.nvbuffer2.clear()
  local append1, append2 = smu.nvbuffer1.appendmode, smu.nvbuffer2.appendmode
  smu.nvbuffer1.appendmode = 1
  smu.source.output = 1
  for _, x in ipairs(levels) do
    smu.source[level] = x
    delay(settle)
    smu.measure[measure](buffer)
  end
  smu.source[level] = 0
  smu.source.output = 0
  smu.nvbuffer1.appendmode, smu.nvbuffer2.appendmode = append1, append2
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

local function prepare(smu, func)
  smu.source.output = 0
  smu.source.func = func
end

function SweepVLinMeasureI(smu, start, stop, settle, points)
  prepare(smu, 1)
  sweep(smu, "levelv", "i", linear(start, stop, points), settle)
end
function SweepVLogMeasureI(smu, start, stop, settle, points)
  prepare(smu, 1)
  sweep(smu, "levelv", "i", logarithmic(start, stop, points), settle)
end
function SweepVListMeasureI(smu, list, settle, points)
  prepare(smu, 1)
  local levels = {}
  for k = 1, points do levels[k] = list[k] end
  sweep(smu, "levelv", "i", levels, settle)
end
function SweepILinMeasureV(smu, start, stop, settle, points)
  prepare(smu, 0)
  sweep(smu, "leveli", "v", linear(start, stop, points), settle)
end
function SweepILogMeasureV(smu, start, stop, settle, points)
  prepare(smu, 0)
  sweep(smu, "leveli", "v", logarithmic(start, stop, points), settle)
end
function SweepIListMeasureV(smu, list, settle, points)
  prepare(smu, 0)
  local levels = {}
  for k = 1, points do levels[k] = list[k] end
  sweep(smu, "leveli", "v", levels, settle)
end

function PulseVMeasureI(smu, bias, level, on, off, points)
  prepare(smu, 1)
  smu.nvbuffer1.clear()
  local append = smu.nvbuffer1.appendmode
  smu.nvbuffer1.appendmode = 1
  smu.source.levelv = bias
  smu.source.output = 1
  for _ = 1, points do
    smu.source.levelv = level
    delay(on)
    smu.measure.i(smu.nvbuffer1)
    smu.source.levelv = bias
    delay(off)
  end
  smu.source.output = 0
  smu.nvbuffer1.appendmode = append
end
