-- Appends a group of requests to the log of one router: the rules of stores/append_rules.cc, judged
-- and applied in one atomic step. All keys come in KEYS and share the router's hash tag.
--
-- KEYS  1 log (stream)  2 head (last position)  3 counts (hash)  4 open decisions (zset by expiry)
--       5 feedback (stream without bytes); then the keys that requests name by number, 0: none
-- ARGV  router, floor, least life of a key and margin in milliseconds, number of requests; then a
--       request: flags, record, time, subject key, idempotency key, its body, its entry in another
--       router, the decision's body, the decision's expiry, session key, name of its count; claim
--       key, claim, key of the session's routers, hint key, life of the hint; number of slots, then
--       name and value of each slot.
-- Claim, the session's routers and hint have hash tags of their own. In a cluster their keys are 0
-- here, and the caller writes them before; on one node they cost no second commit here.
-- Flags d: the subject is a decision  s: a session  c: it creates its decision
--       e: the decision's id is claimed for this router by a request for another
--       w: the first wins  x: the record is too large  f: feedback  n: a decision of a session
-- An entry (of a key, or field 'e' of a decision) is 32 bytes of body, expiry, space, position. A
-- slot is 32 bytes of value, position. Fields of a decision's or a session's hash: 'e'; 's' and a
-- slot's name; 'p' and the position of each record of it; 'n', the decisions of a session.
-- Returns status and position of each request; the statuses are those of AppendStatus.
--
-- Redis undoes nothing of a script that fails half-way. The first write of all is a SET: it meets
-- whatever forbids writing (memory, replicas, disk) before anything is changed, and Redis asks no
-- further. The one command that a record can make fail, its XADD, comes before the other writes of
-- its request and is allowed to fail alone.

local RECORDED, REVISED, DUPLICATE, CONFLICT, UNKNOWN, FAILED = 0, 1, 2, 3, 4, 5
-- Ten years: Redis refuses a life that its clock cannot hold.
local LONGEST_LIFE = 10 * 365 * 86400000
local LOG, HEAD, COUNTS, OPEN, FEEDBACK = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

local router = take()
local floor, least_life, margin = tonumber(take()), tonumber(take()), tonumber(take())
local requests = tonumber(take())

local function whole(number) return string.format('%.0f', number) end

local function read_entry(text)
  if not text or text == '' then return nil end
  local expires, position = string.match(string.sub(text, 33), '^(-?%d+) (%d+)$')
  return {body = string.sub(text, 1, 32), expires = tonumber(expires), position = tonumber(position)}
end

local function write_entry(body, expires, position)
  return body .. whole(expires) .. ' ' .. whole(position)
end

local head_before = redis.call('GET', HEAD) or '0'
local head = math.max(tonumber(head_before), floor)
local written_head, newest_added = nil, nil
local counted = {}
local latest = nil

local function add(request)
  if request.too_large then return nil end
  head = head + 1
  if not written_head then
    written_head = head
    redis.call('SET', HEAD, whole(head))
  end
  local added = redis.pcall('XADD', LOG, whole(head) .. '-0', 'r', request.record)
  if type(added) == 'table' and added.err then
    -- A head that lags behind its log, as after a restore of a part, heals here.
    local last = redis.call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)
    if not last[1] then return nil end
    head = math.max(head, tonumber(string.match(last[1][1], '^%d+'))) + 1
    added = redis.pcall('XADD', LOG, whole(head) .. '-0', 'r', request.record)
    if type(added) == 'table' and added.err then return nil end
  end
  newest_added = head
  if request.count ~= '' then counted[request.count] = (counted[request.count] or 0) + 1 end
  if request.is_feedback then redis.call('XADD', FEEDBACK, whole(head) .. '-0', 'f', '') end
  if request.session then
    redis.call('HSET', request.session, 'p' .. whole(head), '')
    if request.of_session_decision then
      redis.call('HINCRBY', request.session, 'n', 1)
      if request.routers then redis.call('SADD', request.routers, router) end
    end
  end
  return head
end

local function remember_key(request, position, decision_expires)
  if not request.key then return end
  local expires = request.time + least_life
  if decision_expires and decision_expires > expires then expires = decision_expires end
  -- Redis counts the life from now: the time of a record may be another's clock, or long ago.
  local life = math.min(expires - request.time + margin, LONGEST_LIFE)
  redis.call('SET', request.key, write_entry(request.key_body, expires, position), 'PX',
             whole(life))
  if request.hint then redis.call('SET', request.hint, router, 'PX', request.hint_life) end
end

local function judge_new_decision(request, known)
  if known then
    if known.body ~= request.body then return CONFLICT, known.position end
    remember_key(request, known.position, known.expires)
    return DUPLICATE, known.position
  end
  -- Another router's claim was never made good. To take it over could let two routers have it.
  if request.elsewhere then return CONFLICT, 0 end
  local claimed = request.claim_key and redis.call('GET', request.claim_key)
  if claimed and string.match(claimed, '^-?%d+:(.*)$') ~= router then return CONFLICT, 0 end
  local position = add(request)
  if not position then return FAILED, 0 end
  if request.claim_key and not claimed then redis.call('SET', request.claim_key, request.claim) end
  redis.call('HSET', request.subject, 'e', write_entry(request.body, request.expires, position),
             'p' .. whole(position), '')
  redis.call('ZADD', OPEN, whole(request.expires), whole(position))
  latest = math.max(latest or request.time, request.time)
  remember_key(request, position, request.expires)
  return RECORDED, position
end

local function judge_slots(request, known)
  local any_known, all_equal, newest = false, #request.slots > 0, 0
  if request.subject then
    for _, slot in ipairs(request.slots) do
      local current = redis.call('HGET', request.subject, 's' .. slot.name)
      slot.equal = current and string.sub(current, 1, 32) == slot.value
      all_equal = all_equal and slot.equal
      if current then
        any_known = true
        newest = math.max(newest, tonumber(string.sub(current, 33)))
      end
    end
  end
  local decision_expires = known and known.expires
  if request.subject and (all_equal or (request.first_wins and any_known)) then
    remember_key(request, newest, decision_expires)
    return DUPLICATE, newest
  end
  local position = add(request)
  if not position then return FAILED, 0 end
  local fields = known and {'p' .. whole(position), ''} or {}
  for _, slot in ipairs(request.slots) do
    if not slot.equal then
      fields[#fields + 1] = 's' .. slot.name
      fields[#fields + 1] = slot.value .. whole(position)
    end
  end
  if #fields > 0 then redis.call('HSET', request.subject, unpack(fields)) end
  remember_key(request, position, decision_expires)
  return any_known and REVISED or RECORDED, position
end

local function judge_request(request)
  local known
  if request.of_decision then known = read_entry(redis.call('HGET', request.subject, 'e')) end
  local key, own
  if request.key then
    key, own = read_entry(redis.call('GET', request.key)), true
    if key and key.expires < request.time then key = nil end
    if not key then key, own = read_entry(request.key_elsewhere), false end
  end
  local same_body = key and key.body == request.key_body
  -- One session feedback is a record in each router that the session touched, all with one key.
  if same_body and (own or not request.of_session) then return DUPLICATE, key.position end
  if request.of_decision and not request.creates and
     not (known and request.time <= known.expires) then
    return UNKNOWN, 0
  end
  if key and not same_body then return CONFLICT, key.position end
  if request.creates then return judge_new_decision(request, known) end
  return judge_slots(request, known)
end

local function take_request()
  local flags = take()
  local function has(flag) return string.find(flags, flag, 1, true) ~= nil end
  local request = {
    of_decision = has('d'), of_session = has('s'), creates = has('c'), elsewhere = has('e'),
    first_wins = has('w'), too_large = has('x'), is_feedback = has('f'),
    of_session_decision = has('n'), slots = {}}
  -- One statement each: the order within a table's constructor is not the language's promise.
  request.record = take()
  request.time = tonumber(take())
  request.subject = KEYS[tonumber(take())]
  request.key = KEYS[tonumber(take())]
  request.key_body = take()
  request.key_elsewhere = take()
  request.body = take()
  request.expires = tonumber(take())
  request.session = KEYS[tonumber(take())]
  request.count = take()
  request.claim_key = KEYS[tonumber(take())]
  request.claim = take()
  request.routers = KEYS[tonumber(take())]
  request.hint = KEYS[tonumber(take())]
  request.hint_life = take()
  for i = 1, tonumber(take()) do
    local name = take()
    request.slots[i] = {name = name, value = take()}
  end
  return request
end

local results = {}
for i = 1, requests do
  local status, position = judge_request(take_request())
  results[2 * i - 1], results[2 * i] = status, position
end
-- The head is that of the log: a number that no record came to stand at is none.
if written_head then
  local newest = newest_added and whole(newest_added) or head_before
  if newest ~= whole(written_head) then redis.call('SET', HEAD, newest) end
end
for name, n in pairs(counted) do redis.call('HINCRBY', COUNTS, name, n) end
-- counts() asks what is open now; what closed a least life ago is not asked for again.
if latest then redis.call('ZREMRANGEBYSCORE', OPEN, '-inf', whole(latest - least_life)) end
return results
