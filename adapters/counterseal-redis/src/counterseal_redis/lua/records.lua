-- Records of one partition.
--
-- KEYS[1] what is written if one of them is over and ARGV[1] is 1, so that whoever waits for this
-- connection's last write waits for that record's, too; the other keys are the records'.

local found = redis.call('MGET', unpack(KEYS, 2))
if ARGV[1] == '1' then
    for _, value in ipairs(found) do
        if value and string.sub(value, 1, 1) == '1' then
            redis.call('SET', KEYS[1], '1')
            break
        end
    end
end
return found
