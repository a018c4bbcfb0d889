-- Notes the gauge that a record counts in, if the record is as it was read.
--
-- KEYS[1] the record, KEYS[2] the gauge that each record of its partition counts in, KEYS[3] the
-- gauges. ARGV[1] the header line that the record has, or "" if there is no such record; ARGV[2] the
-- 16 bytes of its GUID; ARGV[3] the gauge, or "".
-- Returns 1 if that has changed a gauge, else 0.

local value = redis.call('GETRANGE', KEYS[1], 0, 127)
if (string.match(value, '^([^\n]*)\n') or value) ~= ARGV[1] then
    return 0
end
local guid, gauge = ARGV[2], ARGV[3]
local before = redis.call('HGET', KEYS[2], guid) or ''
if before == gauge then
    return 0
end
if before ~= '' and redis.call('HINCRBY', KEYS[3], before, -1) == 0 then
    redis.call('HDEL', KEYS[3], before)
end
if gauge == '' then
    redis.call('HDEL', KEYS[2], guid)
else
    redis.call('HSET', KEYS[2], guid, gauge)
    redis.call('HINCRBY', KEYS[3], gauge, 1)
end
return 1
