-- Returns the head of one partition, and the first of its recorded events.
--
-- KEYS[1] the recorded events, KEYS[2] the head; ARGV[1] how many events, at most.

return {
    redis.call('HMGET', KEYS[2], 'position', 'hash', 'base', 'base_hash'),
    redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1]),
}
