-- The beginning of scripts that count records in gauges.
--
-- `gauged` is a hash of a partition. It has a record's GUID (16 bytes) with the number of its gauge; the
-- gauge's name (33 bytes) with that number, and the number with the name, while a record counts in it;
-- and the last number that was given, with no name.
-- `gauges` is a hash of the same partition: of names, with how many records count in them.

-- Counts the record `guid` in `gauge` and in no other; in none if that is "".
-- `expected` is the gauge that it counts in as far as the caller knows, or "".
-- Returns 1 if that has changed a gauge, else 0.
local function count_in(gauged, gauges, guid, expected, gauge)
    local numbers = redis.call('HMGET', gauged, guid, expected, gauge)
    local number, before = numbers[1], ''
    if number and expected ~= '' and number == numbers[2] then
        before = expected
    elseif number then
        before = redis.call('HGET', gauged, number) or ''
    end
    if before == gauge then
        return 0
    end
    if before ~= '' and redis.call('HINCRBY', gauges, before, -1) == 0 then
        redis.call('HDEL', gauges, before)
        redis.call('HDEL', gauged, before, number)
    end
    if gauge == '' then
        redis.call('HDEL', gauged, guid)
        return 1
    end
    redis.call('HINCRBY', gauges, gauge, 1)
    number = numbers[3]
    if not number then
        number = redis.call('HINCRBY', gauged, '', 1)
        redis.call('HSET', gauged, gauge, number, number, gauge)
    end
    redis.call('HSET', gauged, guid, number)
    return 1
end

