-- A GET, or the creation of one ConfigMap after the other, with a bearer token; and one line of JSON at the
-- end for whoever reads it. TOKEN_FILE keeps the token out of the command line, which everyone on
-- the machine can read.
local file = assert(io.open(os.getenv("TOKEN_FILE")))
wrk.headers["Authorization"] = "Bearer " .. file:read("*a"):gsub("%s+$", "")
file:close()

local prefix = os.getenv("CREATE_PREFIX") or ""
if prefix ~= "" then
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  local made = 0
  request = function()
    made = made + 1
    return wrk.format(nil, nil, nil, string.format(
      '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s-%d","labels":{"bench":"%s"}},"data":{"text":"%s"}}',
      prefix, made, prefix, string.rep("x", 500)
    ))
  end
end

function done(summary, latency, _requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"p50Us":%d,"p99Us":%d,"requests":%d,"durationUs":%d,"failures":%d}\n',
    latency:percentile(50), latency:percentile(99), summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
