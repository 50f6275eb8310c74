-- KEYS: budgets. ARGV: for each, the time in microseconds that earns what was granted since it was settled last.
-- A budget is "<when it is full again>:<all that was granted since it was full>", in microseconds of this server.
-- Answers for each: how long others' grants took from it before this, and all that was granted.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answers = {}
for i = 1, #KEYS do
  local full_at, total = string.match(redis.call('GET', KEYS[i]) or '', '^(%d+):(%d+)$')
  full_at, total = math.max(tonumber(full_at) or 0, now), tonumber(total) or 0
  local owed, used = full_at - now, tonumber(ARGV[i])
  full_at, total = full_at + used, total + used
  local lives = math.ceil((full_at - now) / 1000) + 60000
  redis.call('SET', KEYS[i], string.format('%.0f:%.0f', full_at, total), 'PX', string.format('%.0f', lives))
  answers[#answers + 1] = string.format('%.0f', owed)
  answers[#answers + 1] = string.format('%.0f', total)
end
return answers
