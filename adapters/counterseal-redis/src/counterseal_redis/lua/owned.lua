-- Returns the records of one owner, oldest first.
--
-- KEYS[1] the index; ARGV[1] the beginning of the keys of the partition's records; ARGV[2] the
-- owner. An entry is the owner (16 bytes), the record's number (8), and its GUID as text.

local entries = redis.call(
    'ZRANGEBYLEX', KEYS[1], '[' .. ARGV[2], '[' .. ARGV[2] .. string.rep('\255', 64)
)
local values = {}
for _, entry in ipairs(entries) do
    local value = redis.call('GET', ARGV[1] .. string.sub(entry, 25))
    if value then
        values[#values + 1] = value
    end
end
return values
