-- Tells who is in the roster of a fleet, and for how many ms each has not come.
-- KEYS: roster. ARGV: how many are told at most. Returns ids and times in turn.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('ZRANGE', KEYS[1], -tonumber(ARGV[1]), -1, 'WITHSCORES')
for at = 2, #found, 2 do
    found[at] = string.format('%.0f', math.max(0, now - found[at]))
end
return found
