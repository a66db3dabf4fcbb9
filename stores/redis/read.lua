-- The records of a decision or of a session, in order. KEYS: 1 its hash, 2 the router's log.
-- ARGV: 1 the upper position. Returns position and bytes of each record.
local upper = tonumber(ARGV[1])
local positions = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if string.sub(field, 1, 1) == 'p' then
    local position = tonumber(string.sub(field, 2))
    if position <= upper then positions[#positions + 1] = position end
  end
end
table.sort(positions)
local found = {}
for _, position in ipairs(positions) do
  local id = string.format('%.0f', position)
  local entry = redis.call('XRANGE', KEYS[2], id .. '-0', id .. '-0')[1]
  if entry then
    found[#found + 1] = id
    found[#found + 1] = entry[2][2]
  end
end
return found
