-- Moves recorded events of one partition into its chain.
--
-- KEYS[1] the recorded events, KEYS[2] the head, KEYS[3] the chain, KEYS[4] its index; the other
-- keys are hashes of counts. ARGV[1] the position and ARGV[2] the hash that the head must have;
-- ARGV[3] how many events, ARGV[4] how many counts. ARGV goes on with
--   for each event: its ID, its hash, its bytes, how many index entries it has, and these
--   for each count: the number of its key, its field, what to add, and milliseconds to live
--
-- Returns 1 if the events are chained now, 0 if somebody else has chained some of them.

local head = redis.call('HMGET', KEYS[2], 'position', 'hash')
if (head[1] or '0') ~= ARGV[1] or (head[2] or string.rep('\0', 32)) ~= ARGV[2] then
    return 0
end
local count = tonumber(ARGV[3])
local word = 4
local recorded = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', count)
if #recorded < count then
    return 0
end
local position, hash = tonumber(ARGV[1]), ARGV[2]
for event = 1, count do
    if recorded[event][1] ~= ARGV[word + 1] then
        return 0
    end
    word = word + 4 + tonumber(ARGV[word + 4])
end

word = 4
for _ = 1, count do
    position = position + 1
    hash = ARGV[word + 2]
    redis.call(
        'XADD', KEYS[3], string.format('%.0f-0', position), 'h', hash, 'e', ARGV[word + 3]
    )
    redis.call('XDEL', KEYS[1], ARGV[word + 1])
    local entries = tonumber(ARGV[word + 4])
    for entry = word + 5, word + 4 + entries do
        redis.call('ZADD', KEYS[4], 0, ARGV[entry])
    end
    word = word + 4 + entries
end
redis.call('HSET', KEYS[2], 'position', string.format('%.0f', position), 'hash', hash)
for _ = 1, tonumber(ARGV[4]) do
    local key = KEYS[4 + tonumber(ARGV[word + 1])]
    redis.call('HINCRBY', key, ARGV[word + 2], ARGV[word + 3])
    redis.call('PEXPIRE', key, ARGV[word + 4])
    word = word + 4
end
return 1
