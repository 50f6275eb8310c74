-- KEYS: the shard's expiries, then each user's leases.
-- ARGV: 1 where only leases that ran out are ended, then for each user: name, count, and count connections.
local only_expired = ARGV[1] == '1'
local edges, at = {}, 2
for i = 2, #KEYS do
  local key, user, count = KEYS[i], ARGV[at], tonumber(ARGV[at + 1])
  local before, _, told = look(key)
  local ended = 0
  at = at + 2
  for _ = 1, count do
    local connection, member = ARGV[at], user .. '\0' .. ARGV[at]
    at = at + 1
    local score = redis.call('ZSCORE', KEYS[1], member)
    if not only_expired or (score and tonumber(score) <= now) then
      redis.call('ZREM', KEYS[1], member)
      redis.call('HDEL', key, connection)
      if score then ended = ended + 1 end
    end
  end
  local status, last = look(key)
  if ended > 0 or told then
    tell(key, status, last)
  end
  -- What is not there was told and ended, or was forgotten with its key: then the end is told to be safe.
  if status ~= before or (told and before ~= told) or (ended > 0 and not told) then
    edges[#edges + 1] = i - 2
    edges[#edges + 1] = status
  end
end
return edges
