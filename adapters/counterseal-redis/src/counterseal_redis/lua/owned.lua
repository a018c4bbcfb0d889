-- The records of one owner, oldest first.
--
-- KEYS[1] the index; ARGV[1] what the keys of the partition's records begin with; ARGV[2] the
-- owner. An entry is the owner (16 bytes), the record's number (8), and its GUID as text.

local entries = redis.call(
    'ZRANGEBYLEX', KEYS[1], '[' .. ARGV[2], '[' .. ARGV[2] .. string.rep('\255', 64)
)
local found = {}
for _, entry in ipairs(entries) do
    local value = redis.call('GET', ARGV[1] .. string.sub(entry, 25))
    if value then
        found[#found + 1] = value
    end
end
return found
