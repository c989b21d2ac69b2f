-- Shortens the remaining life of a value; an absent one, and one without an end, stay as they are.
-- KEYS: value. ARGV: life in milliseconds. Returns 1 if it is there.
local left, most = redis.call('PTTL', KEYS[1]), tonumber(ARGV[1])
if left < 0 then
    return 0
end
-- A value of a foreign type answers with an error, and says nothing of its end.
local value = redis.pcall('GET', KEYS[1])
local kind = type(value) == 'string' and #value >= 27 and value:sub(-3)
if most < 1 then
    redis.call('DEL', KEYS[1])
elseif kind == 'AtE' or kind == 'AtS' then
    -- Coherence 21: the stamp as well, which would else say what it was, and say it so that no step of the clock
    -- makes more of it.
    if kind == 'AtS' then
        most = math.min(most, tonumber(value:sub(-27, -12)) or 0)
    end
    local stamped = value:sub(1, -28) .. string.format('%016.0f', most) .. value:sub(-11, -4) .. 'AtS'
    local life = math.max(math.min(left, most), 1)
    local done = redis.pcall('SET', KEYS[1], stamped, 'PX', string.format('%.0f', life))
    if done.err then
        -- A full server lets nothing be written that takes room, and lets it be removed.
        redis.call('DEL', KEYS[1])
    end
elseif left > most then
    redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
