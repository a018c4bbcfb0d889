-- Returns the record of a natural key.
--
-- KEYS[1] the natural key; ARGV[1] the beginning of the keys of the partition's records.

local guid = redis.call('GET', KEYS[1])
return guid and redis.call('GET', ARGV[1] .. guid)
