-- Whether an operation was applied; if so, something is written, as in commit.lua.
--
-- KEYS[1] the operation.

local known = redis.call('GET', KEYS[1])
if known then
    redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]))
end
return known
