-- Marks a reservation as finished.
--
-- KEYS[1] the reservation; ARGV[1] its GUID.

if redis.call('HGET', KEYS[1], 'guid') == ARGV[1] then
    redis.call('HSET', KEYS[1], 'finished', '1')
end
return 1
