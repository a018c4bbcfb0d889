-- Whether a key is new.
--
-- KEYS[1] the key; ARGV[1] now and ARGV[2] until, in microseconds; ARGV[3] milliseconds to live;
-- ARGV[4] the caller's luck: its own question is new also when it comes a second time.

local held = redis.call('GET', KEYS[1])
if held then
    local ends, whose = string.match(held, '^(%-?%d+) (.*)$')
    if whose == ARGV[4] then
        redis.call('PEXPIRE', KEYS[1], ARGV[3])
        return 1
    end
    if tonumber(ends) > tonumber(ARGV[1]) then
        return 0
    end
end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[4], 'PX', ARGV[3])
return 1
