-- Tells whether a key is new: 1 or 0.
--
-- KEYS[1] the key; ARGV[1] now and ARGV[2] until, in microseconds; ARGV[3] milliseconds to live;
-- ARGV[4] a random name of the call: the key is new for the same call when it is repeated.

local stored = redis.call('GET', KEYS[1])
if stored then
    local ends, call = string.match(stored, '^(%-?%d+) (.*)$')
    if call == ARGV[4] then
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 1
    end
    if tonumber(ends) > tonumber(ARGV[1]) then
        return 0
    end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 1
