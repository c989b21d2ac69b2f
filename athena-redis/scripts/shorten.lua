-- Shortens the remaining life of a value; an absent one, and one without an end, stay as they are.
-- KEYS: value. ARGV: life in milliseconds. Returns 1 if shortened.
if redis.call('PTTL', KEYS[1]) <= tonumber(ARGV[1]) then
    return 0
end
local shortened = redis.call('PEXPIRE', KEYS[1], ARGV[1])
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return shortened
