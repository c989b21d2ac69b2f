-- Ends a lease that nobody can hold: it is no token, or has no end, or one that is too far away.
-- KEYS: lease. ARGV: longest life in milliseconds. Returns 1 if ended.
-- A lease of a foreign type answers with an error, which is no token.
local left, token = redis.call('PTTL', KEYS[1]), redis.pcall('GET', KEYS[1])
local is_token = type(token) == 'string' and #token == 16 and token:find('^%x+$')
if is_token and left >= 0 and left <= tonumber(ARGV[1]) then
    return 0
end
return redis.call('DEL', KEYS[1])
