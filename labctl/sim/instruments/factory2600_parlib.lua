-- KIParlib, the factory script of transconductances: dI/dV between neighbours of a sweep.
-- (Reference Manual, "KIParlib factory script", gm_vsweep and gm_isweep.)
local function slopes(currents, voltages)
  local found = {}
  for k = 1, #currents - 1 do
    found[k] = (currents[k + 1] - currents[k]) / (voltages[k + 1] - voltages[k])
  end
  return found
end

local function sweep(smu, level, measure, start, stop, points)
  local sourced, measured = {}, {}
  smu.source.output = smu.OUTPUT_ON
  for k = 1, points do
    sourced[k] = start + (stop - start) * (k - 1) / (points - 1)
    smu.source[level] = sourced[k]
    measured[k] = smu.measure[measure]()
  end
  smu.source[level] = 0
  smu.source.output = smu.OUTPUT_OFF
  return sourced, measured
end

function gm_vsweep(smu, start, stop, points)
  smu.source.func = smu.OUTPUT_DCVOLTS
  local voltages, currents = sweep(smu, "levelv", "i", start, stop, points)
  return slopes(currents, voltages), voltages
end

function gm_isweep(smu, start, stop, points)
  smu.source.func = smu.OUTPUT_DCAMPS
  local currents, voltages = sweep(smu, "leveli", "v", start, stop, points)
  return slopes(currents, voltages), currents
end
