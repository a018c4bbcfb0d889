-- Appends one event that belongs to no commit.
--
-- KEYS[1] the last number of the partition, KEYS[2] its audit log; ARGV[1] the event.

local time = redis.call('TIME')
local number = math.max(
    tonumber(redis.call('GET', KEYS[1]) or '0') + 1,
    tonumber(time[1]) * 1000000 + tonumber(time[2])
)
redis.call('XADD', KEYS[2], string.format('%.0f-1', number), 'e', ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', number))
return 1
