-- KIHighC, the factory script of leakage measurements on capacitive loads.
-- (Reference Manual, "High-capacitance mode", i_leakage_measure and i_leakage_threshold.)
local delay = delay

-- Charge the load in high-capacitance mode, then measure its leakage at a small current limit.
local function charge(smu, level, limit, source_delay)
  smu.source.highc = smu.ENABLE
  smu.source.func = smu.OUTPUT_DCVOLTS
  smu.source.levelv = level
  smu.source.limiti = limit
  smu.source.output = smu.OUTPUT_ON
  delay(source_delay)
end

function i_leakage_measure(smu, levelv, limiti, sourcedelay, measurei, measuredelay)
  charge(smu, levelv, limiti, sourcedelay)
  smu.source.limiti = measurei
  smu.measure.rangei = measurei
  delay(measuredelay)
  local leakage = smu.measure.i()
  smu.source.levelv = 0
  return leakage
end

function i_leakage_threshold(
  smu, levelv, limiti, sourcedelay, measurei, measuredelay, threshold, timeout
)
  charge(smu, levelv, limiti, sourcedelay)
  smu.source.limiti = measurei
  smu.measure.rangei = measurei
  delay(measuredelay)
  timer.reset()
  local leakage
  repeat
    leakage = smu.measure.i()
  until leakage <= threshold or timer.measure.t() > timeout
  smu.source.levelv = 0
  return leakage <= threshold
end
