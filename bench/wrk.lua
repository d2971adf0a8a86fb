-- One GET with a bearer token, and one line of JSON at the end for whoever reads it.
-- TOKEN_FILE keeps the token out of the command line, which everyone on the machine can read.
local file = assert(io.open(os.getenv("TOKEN_FILE")))
wrk.headers["Authorization"] = "Bearer " .. file:read("*a"):gsub("%s+$", "")
file:close()

function done(summary, latency, _requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"p50Us":%d,"p99Us":%d,"requests":%d,"durationUs":%d,"failures":%d}\n',
    latency:percentile(50), latency:percentile(99), summary.requests, summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
