-- One commit: it is compared, and then written, with nobody in between.
--
-- KEYS[1] the operation, KEYS[2] the last number of the partition, KEYS[3] its audit log;
--   the others are pointed at by their place.
-- ARGV[1] the fingerprint, ARGV[2] how long the operation is remembered, in milliseconds;
--   then four lists, each after its length:
--   held     a record's key, the version it has to have, and what it has to be tied to ("" is anything)
--   absent   a key that must not exist
--   records  key, "swap" or "create", head, what it is tied to, body, milliseconds to live or "",
--            and then its entries, a list of (what, key, a, b):
--              "+", "-"   a .. number .. b enters or leaves an index that is in order of age
--              "due"      b is due at a;   "rest"  b is not due
--              "is"       the key leads to b;   "gone"  it leads nowhere
--   events   what is appended to the audit log
--
-- Returns 1 if it is applied (now, or by an earlier call), 0 for a conflict, -1 if the operation
-- named other changes.

local APPLIED, CONFLICT, REUSED = 1, 0, -1
local HEAD = 127 -- bytes that a value's first line has at most

local known = redis.call('GET', KEYS[1])
if known then
    if known ~= ARGV[1] then
        return REUSED
    end
    -- A write, though a small one: WAIT and WAITAOF wait for a connection's last write only.
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
    return APPLIED
end

local place = 2
local function word()
    place = place + 1
    return ARGV[place]
end
local function key()
    return KEYS[tonumber(word())]
end

local numbers = {}
for _ = 1, tonumber(word()) do
    local name, version, tie = key(), word(), word()
    local head = redis.call('GETRANGE', name, 0, HEAD)
    local found, number, tied = string.match(head, '^%S+ (%d+) (%d+) (%S*)\n')
    if tie == '' then
        tied = tie
    end
    if found ~= version or tied ~= tie then
        return CONFLICT
    end
    numbers[name] = tonumber(number)
end

local taken = {}
for _ = 1, tonumber(word()) do
    local name = key()
    if taken[name] or redis.call('EXISTS', name) == 1 then
        return CONFLICT
    end
    taken[name] = true
end

-- Numbers tell age: by the server's clock, in microseconds, and never one twice.
local time = redis.call('TIME')
local number = math.max(
    tonumber(redis.call('GET', KEYS[2]) or '0') + 1,
    tonumber(time[1]) * 1000000 + tonumber(time[2])
)
local first = number

for _ = 1, tonumber(word()) do
    local name, act, head, tie, body, ttl = key(), word(), word(), word(), word(), word()
    local own = numbers[name]
    if act == 'create' then
        own = number
        number = number + 1
    end
    local value = head .. ' ' .. string.format('%.0f', own) .. ' ' .. tie .. '\n' .. body
    if ttl == '' then
        redis.call('SET', name, value)
    else
        redis.call('SET', name, value, 'PX', ttl)
    end
    local age = struct.pack('>I8', own)
    for _ = 1, tonumber(word()) do
        local what, index, a, b = word(), key(), word(), word()
        if what == '+' then
            redis.call('ZADD', index, 0, a .. age .. b)
        elseif what == '-' then
            redis.call('ZREM', index, a .. age .. b)
        elseif what == 'due' then
            redis.call('ZADD', index, a, b)
        elseif what == 'rest' then
            redis.call('ZREM', index, b)
        elseif what == 'is' then
            redis.call('SET', index, b)
        else
            redis.call('DEL', index)
        end
    end
end

local events = tonumber(word())
for event = 1, events do
    redis.call('XADD', KEYS[3], string.format('%.0f-%d', first, event), 'e', word())
end
if number > first or events > 0 then
    redis.call('SET', KEYS[2], string.format('%.0f', number))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return APPLIED
