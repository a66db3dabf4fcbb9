-- Requests for wrk: wrk -s requests.lua URL -- KIND [COUNT [ROUND]]
--
--   fields    POST /route, named fields only
--   text      POST /route, a prompt of about 0.5 KB and fields
--   decide    POST /route with query_ids bench-1, bench-2 ...: decisions for `feedback`
--   feedback  POST /feedback on bench-1 ... bench-COUNT, in turn; the next time around, and in
--             another ROUND, with another value, so that each is a record of its own
--   fixed     POST /echo, the body of `text`
--
-- One thread only (wrk -t1): the query_ids are counted in it. At the end it prints one line of
-- figures, "figures PER_SECOND P99_US ANSWERED NOT_2XX".

local kind, count, round
local bodies = {}
local at = -1  -- wrk calls request() once before it sends anything.
local headers = { ["Content-Type"] = "application/json" }

local words = { "explain", "the", "refund", "order", "a", "function", "that", "sorts", "numbers",
  "why", "is", "sky", "blue", "integral", "of", "derive", "with", "policy", "customer", "python",
  "error", "translate", "into", "french", "summarise", "this", "contract", "and", "list", "risks" }

local function prompt(seed)
  local made, length, state = {}, 0, seed
  while length < 400 do
    state = (state * 1103515245 + 12345) % 2147483648
    local word = words[math.floor(state / 65536) % #words + 1]
    made[#made + 1] = word
    length = length + #word + 1
  end
  return table.concat(made, " ")
end

local tasks = { "math", "code", "support", "writing" }

local function fields(i)
  return string.format('"features":{"task":"%s","tokens":%d,"urgent":%d}',
    tasks[i % 4 + 1], 20 + i * 37 % 900, i % 2)
end

function init(args)
  kind, count = args[1], tonumber(args[2] or "1")
  round = tonumber(args[3] or "1")
  for i = 1, 64 do
    if kind == "fields" then
      bodies[i] = string.format('{"router":"fields",%s}', fields(i))
    else
      bodies[i] = string.format('{"router":"text","text":"%s",%s}', prompt(i), fields(i))
    end
  end
end

function request()
  at = at + 1
  if kind == "decide" then
    return wrk.format("POST", "/route", headers,
      string.format('{"router":"fields","query_id":"bench-%d",%s}', at, fields(at)))
  elseif kind == "feedback" then
    local body = string.format(
      '{"query_id":"bench-%d","signal_type":"rating","payload":{"rating":%d,"max":1000000}}',
      (at - 1) % count + 1, 1000 * round + math.floor((at - 1) / count))
    return wrk.format("POST", "/feedback", headers, body)
  end
  return wrk.format("POST", kind == "fixed" and "/echo" or "/route", headers, bodies[at % 64 + 1])
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("figures %.1f %.0f %d %d\n", summary.requests / summary.duration * 1e6,
    latency:percentile(99), summary.requests, bad))
end
