-- KEYS: the shard's expiries, then each user's leases.
-- ARGV: time to live in ms, then for each user: name, count, and count times connection, status.
local ttl = tonumber(ARGV[1])
local till = string.format('%.0f', now + ttl)
local edges, at = {}, 2
for i = 2, #KEYS do
  local key, user, count = KEYS[i], ARGV[at], tonumber(ARGV[at + 1])
  local before, _, told = look(key)
  at = at + 2
  for _ = 1, count do
    redis.call('HSET', key, ARGV[at], ARGV[at + 1] .. ':' .. till)
    redis.call('ZADD', KEYS[1], till, user .. '\0' .. ARGV[at])
    at = at + 2
  end
  local status, last = look(key)
  tell(key, status, last)
  if status ~= before or before ~= (told or 0) then
    edges[#edges + 1] = i - 2
    edges[#edges + 1] = status
  end
end
if redis.call('PTTL', KEYS[1]) < ttl + 600000 then
  redis.call('PEXPIRE', KEYS[1], ttl + 600000)
end
return edges
