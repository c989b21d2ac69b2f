-- Tells a part of who is in the roster of a fleet, those that came last first, and for how many ms each has not come.
-- KEYS: roster. ARGV: how many to leave out, how many to tell, how long an id may be. Returns how many there are in
-- that part, then ids and times in turn; ids that are longer are not told.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local from = tonumber(ARGV[1])
local found = redis.call('ZRANGE', KEYS[1], -(from + tonumber(ARGV[2])), -(from + 1), 'WITHSCORES')
local told = { string.format('%d', #found / 2) }
for at = 2, #found, 2 do
    if #found[at - 1] <= tonumber(ARGV[3]) then
        told[#told + 1] = found[at - 1]
        told[#told + 1] = string.format('%.0f', math.max(0, now - found[at]))
    end
end
return told
