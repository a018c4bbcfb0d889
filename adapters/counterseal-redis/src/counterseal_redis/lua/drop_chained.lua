-- Drops the events of one partition's chain that were archived.
--
-- KEYS[1] the head, KEYS[2] the chain, KEYS[3] its index; ARGV[1] the position of the last event to
-- drop, ARGV[2] its hash; then the index entries of all events that are dropped.
--
-- Returns 1, or 0 if there is nothing to drop.

local base = tonumber(redis.call('HGET', KEYS[1], 'base') or '0')
local position = tonumber(redis.call('HGET', KEYS[1], 'position') or '0')
local through = tonumber(ARGV[1])
if through <= base or through > position then
    return 0
end
redis.call('HSET', KEYS[1], 'base', ARGV[1], 'base_hash', ARGV[2])
redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-1', through))
for entry = 3, #ARGV do
    redis.call('ZREM', KEYS[3], ARGV[entry])
end
return 1
