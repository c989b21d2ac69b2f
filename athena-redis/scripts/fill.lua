-- Stores a value and ends its lease, if the lease still holds the token.
-- KEYS: value, lease. ARGV: token, bytes, life in milliseconds, name of the node's clock. Returns 1 if stored.
-- A lease of a foreign type answers with an error, which is no token.
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then
    return 0
end
local bytes = ARGV[2]
if ARGV[4] ~= '' then
    -- Coherence 25: when it ends, so that its age need not be asked for by itself.
    local now = redis.call('TIME')
    local stamp = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[3]
    bytes = bytes .. string.format('%016.0f', stamp) .. ARGV[4] .. 'AtE'
end
redis.call('SET', KEYS[1], bytes, 'PX', ARGV[3])
redis.call('DEL', KEYS[2])
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
