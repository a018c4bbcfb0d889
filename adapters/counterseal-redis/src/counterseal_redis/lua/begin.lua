-- Reserves, or returns the reservation that is in force.
--
-- KEYS[1] the reservation; ARGV[1] now, in microseconds; ARGV[2] milliseconds to live; then the
-- fingerprint, the GUID, the holder, the end of the lease, and the end, both in microseconds,
-- and whether it is finished (1 or 0).

local FIELDS = {'fingerprint', 'guid', 'holder', 'lease', 'until', 'finished'}
local now = tonumber(ARGV[1])
local held = redis.call('HMGET', KEYS[1], unpack(FIELDS))
local guid = ARGV[4]
if held[1] and tonumber(held[5]) > now then
    local lapsed = held[6] == '0' and held[1] == ARGV[3] and tonumber(held[4]) <= now
    if not lapsed then
        -- A write: who waits for a replica waits for what is told here.
        redis.call('HSET', KEYS[1], 'finished', held[6])
        return held
    end
    guid = held[2]
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[3], 'guid', guid, 'holder', ARGV[5],
    'lease', ARGV[6], 'until', ARGV[7], 'finished', ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {ARGV[3], guid, ARGV[5], ARGV[6], ARGV[7], ARGV[8]}
