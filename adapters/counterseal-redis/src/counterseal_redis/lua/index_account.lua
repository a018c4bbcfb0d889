-- Adds an entry to the index by which accounts are searched, if its account is there.
--
-- KEYS[1] the natural key of the account, KEYS[2] the index; ARGV[1] the entry.
-- Returns 1 if the entry is in the index, 0 if there is no such account.

if redis.call('EXISTS', KEYS[1]) == 0 then
    return 0
end
redis.call('ZADD', KEYS[2], 0, ARGV[1])
return 1
