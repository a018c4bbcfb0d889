-- Notes the gauge that a record counts in, if the record is as it was read.
--
-- KEYS[1] the record, KEYS[2] the gauge that each record of its partition counts in, KEYS[3] the
-- gauges. ARGV[1] the header line that the record has, or "" if there is no such record; ARGV[2] the
-- 16 bytes of its GUID; ARGV[3] the gauge, or "".
-- Returns 1 if that has changed a gauge, 0 if not, -1 if the record is not as it was read.

local CHANGED = -1

local value = redis.call('GETRANGE', KEYS[1], 0, 127)
if (string.match(value, '^([^\n]*)\n') or value) ~= ARGV[1] then
    return CHANGED
end
return count_in(KEYS[2], KEYS[3], ARGV[2], '', ARGV[3])
