-- Stores a value and ends its lease, if the lease still holds the token.
-- KEYS: value, lease. ARGV: token, bytes, life in milliseconds. Returns 1 if stored.
-- A lease of a foreign type answers with an error, which is no token.
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
