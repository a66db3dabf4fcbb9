-- Drops a checkpoint of one router. KEYS: 1 the hash of checkpoints (see checkpoint.lua). ARGV:
-- 1 position, 2 format, 3 checksum. One with another checksum stays.
local name = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HGET', KEYS[1], 'c' .. name) ~= ARGV[3] then return 0 end
return redis.call('HDEL', KEYS[1], 'c' .. name, 'b' .. name)
