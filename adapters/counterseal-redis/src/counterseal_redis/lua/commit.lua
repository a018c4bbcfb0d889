-- One commit: compared and then written, with no other command in between.
--
-- KEYS[1] the operation, KEYS[2] the last number of the partition, KEYS[3] its audit log, KEYS[4] the
-- gauge that each of its records counts in, KEYS[5] the gauges.
-- ARGV[1] the fingerprint, ARGV[2] how many entries each list has, but for the last, and how many
-- written records count in another gauge than before, two bytes each.
--
-- KEYS goes on with these lists, one after the other; a key may be in several of them:
--   guarded   a record that is compared
--   replaced  a record that is compared and written
--   created   a record that must not exist, and is written
--   new_keys  a natural key that must not exist, and is written
--   added     an index in order of age that gets an entry
--   removed   an index in order of age that loses an entry
--   scored    a sorted set that gets a member: of due records, or of search keys
--   unscored  a sorted set that loses a member
--   old_keys  a natural key that is deleted
-- ARGV goes on with
--   guarded, replaced  the version that the record must have, or that and its account
--   replaced, created  the value without its number, and then milliseconds to live, or ""
--   new_keys           the GUID of the account
--   added, removed     the number of the written record, from 1 on, and its owner
--   scored             the score (the time, or 0), and the member
--   unscored           the member
--   for each written record that counts in another gauge than before: the 16 bytes of its
--                      GUID, the gauge from before or "", and the gauge or ""
--   the events that are appended to the audit log
--
-- Returns 1 if the commit is applied (now, or by an earlier call), 0 for a conflict, -1 if the operation
-- named other changes.

local APPLIED, CONFLICT, REUSED = 1, 0, -1
local HEADER = 127 -- the largest number of bytes in a header line
local LIFE = 600000 -- milliseconds: longer than a commit whose reply is lost is repeated
local GUID = -36 -- where the GUID begins in a record's key

local applied = redis.call('GET', KEYS[1])
if applied then
    if applied ~= ARGV[1] then
        return REUSED
    end
    -- A small write: WAIT and WAITAOF wait for a connection's last write only.
    redis.call('PEXPIRE', KEYS[1], LIFE)
    return APPLIED
end

local guarded, replaced, created, new_keys, added, removed, scored, unscored, gauged =
    struct.unpack('>I2I2I2I2I2I2I2I2I2', ARGV[2])
local FIXED = 5
local key, word = FIXED, 2 -- the last key and the last argument that were read

local numbers = {}
for compared = 1, guarded + replaced do
    local header = redis.call('GETRANGE', KEYS[key + compared], 0, HEADER)
    local number, version_and_account, version = string.match(header, '^(%d+) %S+ ((%d+) %S*) ')
    local expected = ARGV[word + compared]
    if expected ~= version and expected ~= version_and_account then
        return CONFLICT
    end
    numbers[compared - guarded] = number
end
key, word = key + guarded, word + guarded + replaced

local records = replaced + created
if created + new_keys > 0 then
    local first, last = key + replaced + 1, key + records + new_keys
    if redis.call('EXISTS', unpack(KEYS, first, last)) > 0 then
        return CONFLICT
    end
    local unique = {}
    for absent = first, last do
        if unique[KEYS[absent]] then
            return CONFLICT
        end
        unique[KEYS[absent]] = true
    end
end

-- Numbers order records by age: the server's clock in microseconds, and never the same twice.
local events = word + 2 * records + new_keys + 2 * added + 2 * removed + 2 * scored + unscored
    + 3 * gauged
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
    if record > replaced then
        numbers[record] = string.format('%.0f', number + record - replaced - 1)
    end
    local value, ttl = numbers[record] .. ' ' .. ARGV[word + 1], ARGV[word + 2]
    if ttl == '' then
        redis.call('SET', KEYS[key + record], value)
    else
        redis.call('SET', KEYS[key + record], value, 'PX', ttl)
    end
    word = word + 2
end

local function guid_of(record)
    return string.sub(KEYS[FIXED + guarded + record], GUID)
end

local function entry(record, owner)
    return owner .. struct.pack('>I8', numbers[tonumber(record)]) .. guid_of(record)
end

key = key + records
for position = key + 1, key + new_keys do
    redis.call('SET', KEYS[position], ARGV[word + 1])
    word = word + 1
end
key = key + new_keys
for position = key + 1, key + added do
    redis.call('ZADD', KEYS[position], 0, entry(ARGV[word + 1], ARGV[word + 2]))
    word = word + 2
end
key = key + added
for position = key + 1, key + removed do
    redis.call('ZREM', KEYS[position], entry(ARGV[word + 1], ARGV[word + 2]))
    word = word + 2
end
key = key + removed
for position = key + 1, key + scored do
    redis.call('ZADD', KEYS[position], ARGV[word + 1], ARGV[word + 2])
    word = word + 2
end
key = key + scored
for position = key + 1, key + unscored do
    redis.call('ZREM', KEYS[position], ARGV[word + 1])
    word = word + 1
end
for position = key + unscored + 1, #KEYS do
    redis.call('DEL', KEYS[position])
end
for _ = 1, gauged do
    count_in(KEYS[4], KEYS[5], ARGV[word + 1], ARGV[word + 2], ARGV[word + 3])
    word = word + 3
end

for event = 1, #ARGV - events do
    redis.call('XADD', KEYS[3], string.format('%.0f-%d', number, event), 'e', ARGV[events + event])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', LIFE)
return APPLIED
