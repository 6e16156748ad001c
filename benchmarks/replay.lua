-- wrk's script: sends the request bodies of the file $BENCH_BODIES, one JSON text a line, over and over, each with the
-- next authorization of the file $BENCH_TOKENS, where that is set. It begins at request $BENCH_START, so that rounds do
-- not all begin with the same ones, and prints one line of JSON.
local requests, count, at = {}, 0, tonumber(os.getenv("BENCH_START") or "0")

local function lines(name)
  local found, path = {}, os.getenv(name)
  if path and path ~= "" then
    for line in io.lines(path) do found[#found + 1] = line end
  end
  return found
end

function init(args)
  local bodies, tokens = lines("BENCH_BODIES"), lines("BENCH_TOKENS")
  count = math.max(#bodies, #tokens)
  for i = 1, count do
    local headers = { ["Content-Type"] = "application/json" }
    if #tokens > 0 then headers["Authorization"] = tokens[(i - 1) % #tokens + 1] end
    requests[i] = wrk.format("POST", nil, headers, bodies[(i - 1) % #bodies + 1])
  end
end

function request()
  at = at % count + 1
  return requests[at]
end

function done(summary, latency, rates)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"us":%d,"bytes":%d,"p50":%f,"p99":%f,"failed":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
