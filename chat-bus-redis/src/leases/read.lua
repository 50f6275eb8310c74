-- KEYS: each user's leases.
local statuses = {}
for i = 1, #KEYS do
  statuses[i] = (look(KEYS[i]))
end
return statuses
