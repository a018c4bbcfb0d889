-- One commit: it is compared, and then written, with nobody in between.
--
-- KEYS[1] the operation, KEYS[2] the last number of the partition, KEYS[3] its audit log.
-- ARGV[1] the fingerprint, ARGV[2] how many entries each list has, but for the last, two bytes each.
--
-- KEYS goes on with these lists, one after the other; a key stands there as often as it is meant:
--   guards   a record that is compared
--   swapped  one that is compared and written
--   created  one that must not be there, and is written
--   named    a natural key that must not be there, and leads to a record
--   enters   an index in order of age
--   leaves   the same
--   due      a set of what is due
--   rests    the same
--   gone     a natural key that leads nowhere any more
-- ARGV goes on with
--   guards, swapped    the version that it has to have, or that and what it has to be tied to
--   swapped, created   all of it but its number, and then milliseconds to live, or ""
--   named              the GUID
--   enters, leaves     which of the written records it is, and its owner
--   due                when, and the member
--   rests              the member
--   the events that are appended to the audit log
--
-- Returns 1 if it is applied (now, or by an earlier call), 0 for a conflict, -1 if the operation
-- named other changes.

local APPLIED, CONFLICT, REUSED = 1, 0, -1
local HEAD = 127 -- bytes that a value's first line has at most
local KEPT = 600000 -- milliseconds: longer than anybody asks again for a commit whose reply was lost
local GUID = -36 -- where it begins in a record's key

local known = redis.call('GET', KEYS[1])
if known then
    if known ~= ARGV[1] then
        return REUSED
    end
    -- A write, though a small one: WAIT and WAITAOF wait for a connection's last write only.
    redis.call('PEXPIRE', KEYS[1], KEPT)
    return APPLIED
end

local guards, swapped, created, named, enters, leaves, due, rests =
    struct.unpack('>I2I2I2I2I2I2I2I2', ARGV[2])
local key, word = 3, 2 -- the last ones that are done with

local numbers = {}
for held = 1, guards + swapped do
    local head = redis.call('GETRANGE', KEYS[key + held], 0, HEAD)
    local number, found, version = string.match(head, '^(%d+) %S+ ((%d+) %S*) ')
    local wanted = ARGV[word + held]
    if wanted ~= version and wanted ~= found then
        return CONFLICT
    end
    numbers[held - guards] = number
end
key, word = key + guards, word + guards + swapped

local records = swapped + created
if created + named > 0 then
    local first, last = key + swapped + 1, key + records + named
    if redis.call('EXISTS', unpack(KEYS, first, last)) > 0 then
        return CONFLICT
    end
    local taken = {}
    for absent = first, last do
        if taken[KEYS[absent]] then
            return CONFLICT
        end
        taken[KEYS[absent]] = true
    end
end

-- Numbers tell age: by the server's clock, in microseconds, and never one twice.
local events = word + 2 * records + named + 2 * enters + 2 * leaves + 2 * due + rests
local number = 0
if created > 0 or #ARGV > events then
    local time = redis.call('TIME')
    number = time[1] * 1000000 + time[2]
    local before = redis.call('SET', KEYS[2], string.format('%.0f', number), 'GET')
    number = math.max(number, (before or 0) + 1)
    local last = number + math.max(created, 1) - 1
    if last > time[1] * 1000000 + time[2] then
        redis.call('SET', KEYS[2], string.format('%.0f', last))
    end
end

for record = 1, records do
    if record > swapped then
        numbers[record] = string.format('%.0f', number + record - swapped - 1)
    end
    local value, ttl = numbers[record] .. ' ' .. ARGV[word + 1], ARGV[word + 2]
    if ttl == '' then
        redis.call('SET', KEYS[key + record], value)
    else
        redis.call('SET', KEYS[key + record], value, 'PX', ttl)
    end
    word = word + 2
end

local function entry(record, owner)
    local guid = string.sub(KEYS[3 + guards + record], GUID)
    return owner .. struct.pack('>I8', numbers[tonumber(record)]) .. guid
end

key = key + records
for place = key + 1, key + named do
    redis.call('SET', KEYS[place], ARGV[word + 1])
    word = word + 1
end
key = key + named
for place = key + 1, key + enters do
    redis.call('ZADD', KEYS[place], 0, entry(ARGV[word + 1], ARGV[word + 2]))
    word = word + 2
end
key = key + enters
for place = key + 1, key + leaves do
    redis.call('ZREM', KEYS[place], entry(ARGV[word + 1], ARGV[word + 2]))
    word = word + 2
end
key = key + leaves
for place = key + 1, key + due do
    redis.call('ZADD', KEYS[place], ARGV[word + 1], ARGV[word + 2])
    word = word + 2
end
key = key + due
for place = key + 1, key + rests do
    redis.call('ZREM', KEYS[place], ARGV[word + 1])
    word = word + 1
end
for place = key + rests + 1, #KEYS do
    redis.call('DEL', KEYS[place])
end

for event = 1, #ARGV - events do
    redis.call('XADD', KEYS[3], string.format('%.0f-%d', number, event), 'e', ARGV[events + event])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', KEPT)
return APPLIED
