-- Counts one more, in fixed windows of which two neighbours count together.
--
-- KEYS[1] the counter; ARGV[1] the number of the window; ARGV[2] milliseconds to live.

local window, before, count = tonumber(ARGV[1]), 0, 0
local held = redis.call('GET', KEYS[1])
if held then
    local newest, older, newer = string.match(held, '^(%-?%d+) (%d+) (%d+)$')
    newest = tonumber(newest)
    if window <= newest then
        -- A clock that jumped back finds the newest window, and counts too much.
        window, before, count = newest, tonumber(older), tonumber(newer)
    elseif window == newest + 1 then
        before = tonumber(newer)
    end
end
count = count + 1
local value = string.format('%.0f %.0f %.0f', window, before, count)
local left = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.max(left, tonumber(ARGV[2]))))
return before + count
