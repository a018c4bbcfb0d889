-- A record, the account that it is about, and other records of the partition.
--
-- KEYS[1] and ARGV[1] as in records.lua; KEYS[2] the record, the other keys are the others';
-- ARGV[2] what the keys of the partition's records begin with.

local ACCOUNT = '^%d+ %S+ %d+ (%x+%-%S*) ' -- of what is about one: the GUID in the first line

local found = redis.call('MGET', unpack(KEYS, 2))
local now = tonumber(ARGV[1])
if now then
    for _, value in ipairs(found) do
        local from = value and string.match(value, '^%d+ (%d+) ')
        if from and tonumber(from) <= now then
            redis.call('SET', KEYS[1], '1')
            break
        end
    end
end
local account = found[1] and string.match(string.sub(found[1], 1, 128), ACCOUNT)
table.insert(found, 2, account and redis.call('GET', ARGV[2] .. account) or false)
return found
