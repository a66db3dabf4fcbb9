-- Saves a checkpoint of one router and keeps the newest two. KEYS: 1 the hash of checkpoints, whose
-- fields are 'c' or 'b' with "position:format", and hold a checksum or the bytes. ARGV: 1 position,
-- 2 format, 3 checksum, 4 bytes. Returns 1, or 0 where it is stored with another checksum.
local name = ARGV[1] .. ':' .. ARGV[2]
local known = redis.call('HGET', KEYS[1], 'c' .. name)
if known then return known == ARGV[3] and 1 or 0 end
redis.call('HSET', KEYS[1], 'b' .. name, ARGV[4], 'c' .. name, ARGV[3])

local kept = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  local position, format = string.match(field, '^c(%d+):(%d+)$')
  if position then
    kept[#kept + 1] = {position = tonumber(position), format = tonumber(format),
                       name = string.sub(field, 2)}
  end
end
table.sort(kept, function(a, b)
  if a.position ~= b.position then return a.position > b.position end
  return a.format > b.format
end)
for i = 3, #kept do redis.call('HDEL', KEYS[1], 'c' .. kept[i].name, 'b' .. kept[i].name) end
return 1
