-- Reserves, or returns the reservation that is in force.
--
-- KEYS[1] the reservation; ARGV[1] now, in microseconds; ARGV[2] milliseconds to live; then the
-- fingerprint, the GUID, the holder, the end of the lease, and the end, both in microseconds,
-- and whether it is finished (1 or 0).

local FIELDS = {'fingerprint', 'guid', 'holder', 'lease', 'until', 'finished'}
local now = tonumber(ARGV[1])
local stored = redis.call('HMGET', KEYS[1], unpack(FIELDS))
local guid = ARGV[4]
if stored[1] and tonumber(stored[5]) > now then
    local lapsed = stored[6] == '0' and stored[1] == ARGV[3] and tonumber(stored[4]) <= now
    if not lapsed then
        -- A write, so that WAIT waits for a replica that has this reservation.
        redis.call('HSET', KEYS[1], 'finished', stored[6])
        return stored
    end
    guid = stored[2]
end
redis.call('HSET', KEYS[1], 'fingerprint', ARGV[3], 'guid', guid, 'holder', ARGV[5],
    'lease', ARGV[6], 'until', ARGV[7], 'finished', ARGV[8])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {ARGV[3], guid, ARGV[5], ARGV[6], ARGV[7], ARGV[8]}
