-- Marks one router's log as pruned, and takes out units of it: a decision, or a session with all of
-- its decisions. All in one atomic step, judged again here: an append may have come meanwhile.
--
-- KEYS  1 mark  2 log (stream)  3 feedback (stream)  4 open decisions (zset); then the keys that
--       units name by number, 0: none
-- ARGV  below, what expired before this is over, last position looked at, router, number of units;
--       then a unit: session key, key of the session's routers, the session's records as they were
--       read, number of decisions, then decision key and claim key of each
-- The fields of the hashes are told in append.lua. Session feedback never changes, so that the
-- caller has judged it: a session with as many records as he read is the one that he judged.
-- Returns how many records went, and how many of them up to the last position looked at.
--
-- The first write of all is the mark, a SET: it meets whatever forbids writing before anything is
-- changed (see append.lua).

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

local below, over_before, looked_to = tonumber(take()), tonumber(take()), tonumber(take())
local router = take()
local MARK, LOG, FEEDBACK, OPEN = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local marked = tonumber(redis.call('GET', MARK) or '0')
redis.call('SET', MARK, string.format('%.0f', math.max(marked, below)))

-- Adds a hash's positions to a list. False: one of them has to stay.
local function gather(fields, positions)
  for _, field in ipairs(fields) do
    if string.sub(field, 1, 1) == 'p' then
      local position = tonumber(string.sub(field, 2))
      if position >= below then return false end
      positions[#positions + 1] = position
    end
  end
  return true
end

local function is_over(decision)
  local entry = redis.call('HGET', decision, 'e')
  local expires = entry and string.match(string.sub(entry, 33), '^(-?%d+) ')
  return expires and tonumber(expires) < over_before
end

local removed, removed_of_page = 0, 0

local function remove(positions)
  for _, position in ipairs(positions) do
    local id = string.format('%.0f', position)
    local gone = redis.call('XDEL', LOG, id .. '-0')
    removed = removed + gone
    if position <= looked_to then removed_of_page = removed_of_page + gone end
    redis.call('XDEL', FEEDBACK, id .. '-0')
    redis.call('ZREM', OPEN, id)
  end
end

local function prune(unit)
  local positions = {}
  if unit.session then
    if not gather(redis.call('HKEYS', unit.session), positions) then return end
    if #positions ~= unit.records then return end
  end
  for _, decision in ipairs(unit.decisions) do
    if not is_over(decision.key) then return end
    if not gather(redis.call('HKEYS', decision.key), positions) then return end
  end
  remove(positions)
  for _, decision in ipairs(unit.decisions) do
    redis.call('DEL', decision.key)
    if decision.claim then redis.call('DEL', decision.claim) end
  end
  if unit.session then redis.call('DEL', unit.session) end
  if unit.routers then redis.call('SREM', unit.routers, router) end
end

for _ = 1, tonumber(take()) do
  local unit = {session = KEYS[tonumber(take())]}
  unit.routers = KEYS[tonumber(take())]
  unit.records = tonumber(take())
  unit.decisions = {}
  for i = 1, tonumber(take()) do
    local key = KEYS[tonumber(take())]
    unit.decisions[i] = {key = key, claim = KEYS[tonumber(take())]}
  end
  prune(unit)
end
return {removed, removed_of_page}
