-- Varies the requests of wrk, if load.mjs asks for that, and prints the results as JSON.

function init(args)
  local prefix, spread_ms, count = args[1], tonumber(args[2]), tonumber(args[3])
  if prefix ~= "" then
    local n = 0
    function request()
      n = n + 1
      if n > count then
        n = 1
      end
      return wrk.format(nil, prefix .. n)
    end
  end
  if spread_ms > 0 then
    -- Otherwise all connections would stay in step: send together, receive together, and send again.
    function delay()
      return math.random(0, spread_ms)
    end
  end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"requests": %d, "seconds": %f, "failed": %d, "p50": %f, "p95": %f, "p99": %f}\n',
    summary.requests, summary.duration / 1e6, failed,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3
  ))
end
