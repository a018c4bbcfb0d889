-- The record that a natural key leads to.
--
-- KEYS[1] the natural key; ARGV[1] what the keys of the partition's records begin with.

local guid = redis.call('GET', KEYS[1])
return guid and redis.call('GET', ARGV[1] .. guid)
