-- KISavebuffer, the factory script that writes a buffer to a USB drive; there is none.
-- (Reference Manual, savebuffer.)
function savebuffer(buffer, format, file)
  return script.anonymous.save(file)
end
