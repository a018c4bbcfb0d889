-- Stores a signed head, if its number is the next.
--
-- KEYS[1] the signed head; ARGV[1] its number, ARGV[2] its token.

local number = tonumber(redis.call('HGET', KEYS[1], 'number') or '0')
if number + 1 ~= tonumber(ARGV[1]) then
    return 0
end
redis.call('HSET', KEYS[1], 'number', ARGV[1], 'token', ARGV[2])
return 1
