-- Lets a lease live on, if it still holds the token.
-- KEYS: lease. ARGV: token, life in milliseconds. Returns 1 if it does.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
