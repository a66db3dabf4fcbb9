-- Appends a group of requests to the log of one router: the rules of stores/append_rules.cc, judged
-- and applied in one atomic step. All keys come in KEYS and share the router's hash tag.
--
-- KEYS  1 log (stream)  2 head (last position)  3 counts (hash)  4 open decisions (zset by expiry)
--       5 feedback (stream without bytes); then the keys that requests name by number, 0: none
-- ARGV  router, floor, least life of a key and margin in milliseconds, number of requests; then a
--       request: its form (flags, name of its count or '', number of slots, field of each slot; or ''
--       alone: the form of the request before), record, time, and what its flags say follows, in
--       this order:
--       d, s, r  number of the subject's key
--       c  the decision's body, its expiry
--       k  number of the idempotency key, its body, its entry in another router or ''
--       o  number of the key of the session that the record belongs to
--       q  number of the claim's key, the claim
--       t  number of the key of the session's routers
--       h  number of the hint's key, the hint's life
--       and the value of each slot.
-- Claim, the session's routers and hint have hash tags of their own. A cluster is not told of them
-- here, and the caller writes them before; on one node they cost no second commit here.
-- Flags d: the subject is a decision  s: a session  r: the router  c: it creates its decision
--       e: the decision's id is claimed for this router by a request for another
--       w: the first wins  x: the record is too large  f: feedback  n: a decision of a session
--       k, o, q, t, h: see above
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

-- Looked up once: a group asks thousands of times.
local call, sub, find, format = redis.call, string.sub, string.find, string.format

local router, requests = ARGV[1], tonumber(ARGV[5])
local floor, least_life, margin = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

-- A whole number below 2^53 as text.
local function whole(number) return format('%d', number) end

-- When an entry expires; nil where there is none.
local function expiry_of(text)
  if not text or text == '' then return nil end
  return tonumber(sub(text, 33, find(text, ' ', 33, true) - 1))
end

local function body_of(text) return sub(text, 1, 32) end

local function position_of(text) return tonumber(sub(text, find(text, ' ', 33, true) + 1)) end

local function write_entry(body, expires, position)
  return body .. whole(expires) .. ' ' .. whole(position)
end

local head_before = call('GET', HEAD) or '0'
local head = math.max(tonumber(head_before), floor)
local written_head, newest_added = nil, nil
local counted = {}
local latest = nil

-- The record's position, and the same as text.
local function add(request)
  local is = request.form.is
  if is.too_large then return nil end
  head = head + 1
  local text = whole(head)
  if not written_head then
    written_head = text
    call('SET', HEAD, text)
  end
  local id = text .. '-0'
  local added = redis.pcall('XADD', LOG, id, 'r', request.record)
  if type(added) == 'table' and added.err then
    -- A head that lags behind its log, as after a restore of a part, heals here.
    local last = call('XREVRANGE', LOG, '+', '-', 'COUNT', 1)
    if not last[1] then return nil end
    head = math.max(head, tonumber(string.match(last[1][1], '^%d+'))) + 1
    text = whole(head)
    id = text .. '-0'
    added = redis.pcall('XADD', LOG, id, 'r', request.record)
    if type(added) == 'table' and added.err then return nil end
  end
  newest_added = text
  local count = request.form.count
  if count ~= '' then counted[count] = (counted[count] or 0) + 1 end
  if is.feedback then call('XADD', FEEDBACK, id, 'f', '') end
  if request.session then
    call('HSET', request.session, 'p' .. text, '')
    if is.session_decision then
      call('HINCRBY', request.session, 'n', 1)
      if request.routers then call('SADD', request.routers, router) end
    end
  end
  return head, text
end

local function remember_key(request, position, decision_expires)
  if not request.key then return end
  local expires = request.time + least_life
  if decision_expires and decision_expires > expires then expires = decision_expires end
  -- Redis counts the life from now: the time of a record may be another's clock, or long ago.
  local life = math.min(expires - request.time + margin, LONGEST_LIFE)
  call('SET', request.key, write_entry(request.key_body, expires, position), 'PX',
             whole(life))
  if request.hint then call('SET', request.hint, router, 'PX', request.hint_life) end
end

local function judge_new_decision(request, known)
  if known then
    local position = position_of(known)
    if body_of(known) ~= request.body then return CONFLICT, position end
    remember_key(request, position, expiry_of(known))
    return DUPLICATE, position
  end
  -- Another router's claim was never made good. To take it over could let two routers have it.
  if request.form.is.elsewhere then return CONFLICT, 0 end
  local claimed = request.claim_key and call('GET', request.claim_key)
  if claimed and string.match(claimed, '^-?%d+:(.*)$') ~= router then return CONFLICT, 0 end
  local position, text = add(request)
  if not position then return FAILED, 0 end
  if request.claim_key and not claimed then call('SET', request.claim_key, request.claim) end
  call('HSET', request.subject, 'e', write_entry(request.body, request.expires, position),
       'p' .. text, '')
  call('ZADD', OPEN, whole(request.expires), text)
  latest = math.max(latest or request.time, request.time)
  remember_key(request, position, request.expires)
  return RECORDED, position
end

-- `standing`: what the subject's hash has in the fields that the form asks for.
local function judge_slots(request, standing, decision_expires)
  local fields, first_wins = request.form.fields, request.form.is.first_wins
  local any_known, all_equal, newest = false, #fields > 0, 0
  local changes = decision_expires and {false, ''} or {}
  for i = 1, #fields do
    local current, value = standing and standing[i + 1], ARGV[request.values + i]
    if current then
      any_known = true
      newest = math.max(newest, tonumber(sub(current, 33)))
    end
    if not current or sub(current, 1, 32) ~= value then
      all_equal = false
      changes[#changes + 1] = fields[i]
      changes[#changes + 1] = value
    end
  end
  if request.subject and (all_equal or (first_wins and any_known)) then
    remember_key(request, newest, decision_expires)
    return DUPLICATE, newest
  end
  local position, text = add(request)
  if not position then return FAILED, 0 end
  if #changes > 0 then
    local first_slot = 1
    if decision_expires then
      changes[1], first_slot = 'p' .. text, 3
    end
    for i = first_slot + 1, #changes, 2 do changes[i] = changes[i] .. text end
    call('HSET', request.subject, unpack(changes))
  end
  remember_key(request, position, decision_expires)
  return any_known and REVISED or RECORDED, position
end

local function judge_request(request)
  local is = request.form.is
  local standing = request.subject and call('HMGET', request.subject, unpack(request.form.asked))
  local known = is.decision and standing[1]
  local known_expires = expiry_of(known)
  local same_body = false
  if request.key then
    local key, own = call('GET', request.key), true
    if key and expiry_of(key) < request.time then key = false end
    if not key and request.key_elsewhere ~= '' then key, own = request.key_elsewhere, false end
    same_body = key and body_of(key) == request.key_body
    -- One session feedback is a record in each router that the session touched, all with one key.
    if same_body and (own or not is.session) then return DUPLICATE, position_of(key) end
    request.conflict = key and not same_body and position_of(key)
  end
  if is.decision and not is.creating and not (known and request.time <= known_expires) then
    return UNKNOWN, 0
  end
  if request.conflict then return CONFLICT, request.conflict end
  if is.creating then return judge_new_decision(request, known) end
  return judge_slots(request, standing, known_expires)
end

local function read_flags(flags)
  local function has(flag) return find(flags, flag, 1, true) ~= nil end
  return {
    decision = has('d'), session = has('s'), creating = has('c'), elsewhere = has('e'),
    first_wins = has('w'), too_large = has('x'), feedback = has('f'), session_decision = has('n'),
    has_subject = has('d') or has('s') or has('r'), has_key = has('k'), has_session = has('o'),
    has_claim = has('q'), has_routers = has('t'), has_hint = has('h')}
end

local at = 5
local form

-- Reads a form where there is another one than before: most requests of a group have the same.
local function take_form()
  at = at + 1
  if ARGV[at] == '' then return end
  form = {is = read_flags(ARGV[at]), count = ARGV[at + 1], fields = {}, asked = {'e'}}
  at = at + 2
  for i = 1, tonumber(ARGV[at]) do
    form.fields[i] = ARGV[at + i]
    form.asked[i + 1] = ARGV[at + i]
  end
  at = at + #form.fields
end

local function take_request()
  take_form()
  local is = form.is
  local request = {
    form = form, record = ARGV[at + 1], time = tonumber(ARGV[at + 2]), subject = nil, values = nil}
  at = at + 2
  if is.has_subject then
    request.subject = KEYS[tonumber(ARGV[at + 1])]
    at = at + 1
  end
  if is.creating then
    request.body, request.expires = ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 2
  end
  if is.has_key then
    request.key = KEYS[tonumber(ARGV[at + 1])]
    request.key_body, request.key_elsewhere = ARGV[at + 2], ARGV[at + 3]
    at = at + 3
  end
  if is.has_session then
    request.session = KEYS[tonumber(ARGV[at + 1])]
    at = at + 1
  end
  if is.has_claim then
    request.claim_key, request.claim = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2]
    at = at + 2
  end
  if is.has_routers then
    request.routers = KEYS[tonumber(ARGV[at + 1])]
    at = at + 1
  end
  if is.has_hint then
    request.hint, request.hint_life = KEYS[tonumber(ARGV[at + 1])], ARGV[at + 2]
    at = at + 2
  end
  request.values = at
  at = at + #form.fields
  return request
end

local results = {}
for i = 1, requests do
  local status, position = judge_request(take_request())
  results[2 * i - 1], results[2 * i] = status, position
end
-- The head is that of the log: a number that no record came to stand at is none.
if written_head then
  local newest = newest_added or head_before
  if newest ~= written_head then call('SET', HEAD, newest) end
end
for name, n in pairs(counted) do call('HINCRBY', COUNTS, name, n) end
-- counts() asks what is open now; what closed a least life ago is not asked for again.
if latest then call('ZREMRANGEBYSCORE', OPEN, '-inf', whole(latest - least_life)) end
return results
