-- A user's leases: a hash of connection -> "<status>:<until in ms>", and "told" -> the status of the last edge.
-- Times are those of this server.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The greatest status of leases that have not run out, and when the last of all runs out.
local function look(key)
  local status, last, told = 0, 0, nil
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    if fields[i] == 'told' then
      told = tonumber(fields[i + 1])
    else
      local said, till = string.match(fields[i + 1], '^(%d+):(%d+)$')
      said, till = tonumber(said), tonumber(till)
      if till > now and said > status then status = said end
      if till > last then last = till end
    end
  end
  return status, last, told
end

-- Notes what is told now, and when nobody will ask any more: a while after the last lease ran out, so that a node
-- that looks for leases that ran out finds what was told.
local function tell(key, status, last)
  if last == 0 then
    redis.call('DEL', key)
  else
    redis.call('HSET', key, 'told', status)
    redis.call('PEXPIRE', key, math.max(last - now, 0) + 600000)
  end
end
