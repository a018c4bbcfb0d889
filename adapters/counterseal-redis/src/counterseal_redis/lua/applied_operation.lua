-- Returns the fingerprint of an operation that was applied; then writes, as in commit.lua.
--
-- KEYS[1] the operation.

local applied = redis.call('GET', KEYS[1])
if applied then
    redis.call('PEXPIRE', KEYS[1], redis.call('PTTL', KEYS[1]))
end
return applied
