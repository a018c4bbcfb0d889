-- Counts one more, in fixed windows of which two neighbours count together.
--
-- KEYS[1] the counter; ARGV[1] the number of the window; ARGV[2] milliseconds to live.

local window, before, count = tonumber(ARGV[1]), 0, 0
local stored = redis.call('GET', KEYS[1])
if stored then
    local newest, older, newer = string.match(stored, '^(%-?%d+) (%d+) (%d+)$')
    newest = tonumber(newest)
    if window <= newest then
        -- A clock that was set back counts in the newest window: too much, and never too little.
        window, before, count = newest, tonumber(older), tonumber(newer)
    elseif window == newest + 1 then
        before = tonumber(newer)
    end
end
count = count + 1
local value = string.format('%.0f %.0f %.0f', window, before, count)
local remaining = redis.call('PTTL', KEYS[1])
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', math.max(remaining, tonumber(ARGV[2]))))
return before + count
