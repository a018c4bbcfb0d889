-- Returns records of one partition.
--
-- ARGV[1] is now, in microseconds, or "". If the read of one of them has to be confirmed by then,
-- KEYS[1] is written, so that waiting for this connection's last write waits for that record's
-- write too. The other keys are the records'.

local values = redis.call('MGET', unpack(KEYS, 2))
local now = tonumber(ARGV[1])
if now then
    for _, value in ipairs(values) do
        local from = value and string.match(value, '^%d+ (%d+) ')
        if from and tonumber(from) <= now then
            redis.call('SET', KEYS[1], '1')
            break
        end
    end
end
return values
