-- Returns a record, the account that it belongs to, and other records of the partition.
--
-- KEYS[1] and ARGV[1] as in records.lua; KEYS[2] the record, the other keys are the others';
-- ARGV[2] the beginning of the keys of the partition's records.

local ACCOUNT = '^%d+ %S+ %d+ (%x+%-%S*) ' -- the GUID in the header of a record of an account

local values = redis.call('MGET', unpack(KEYS, 2))
local now = tonumber(ARGV[1])
if now then
    for _, value in ipairs(values) do
        local from = value and string.match(value, '^%d+ (%d+) ')
        if from and tonumber(from) <= now then
            redis.call('SET', KEYS[1], '1')
            break
        end
    end
end
local account = values[1] and string.match(string.sub(values[1], 1, 128), ACCOUNT)
table.insert(values, 2, account and redis.call('GET', ARGV[2] .. account) or false)
return values
