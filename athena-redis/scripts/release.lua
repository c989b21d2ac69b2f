-- Ends a lease, if it still holds the token.
-- KEYS: lease. ARGV: token. Returns 1 if ended.
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
return redis.call('DEL', KEYS[1])
