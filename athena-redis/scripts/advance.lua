-- Notes how far a log is followed. Regions 4 and 8: after what it covers was acknowledged.
-- KEYS: how far. ARGV: history, nonce and number of the last record, the question, 1 if it was the last there was.
-- Returns 1, or 0 if the question has been forgotten.
local known = redis.call('HMGET', KEYS[1], 'history', 'nonce', 'number', 'asked', 'answered')
local question = tonumber(ARGV[4])
if (tonumber(known[4] or '0') or 0) < question then
    return 0
end
local is_same = known[1] == ARGV[1] and known[2] == ARGV[2]
if not (is_same and (tonumber(known[3] or '0') or 0) > tonumber(ARGV[3])) then
    redis.call('HSET', KEYS[1], 'history', ARGV[1], 'nonce', ARGV[2], 'number', ARGV[3])
end
if ARGV[5] == '1' and (tonumber(known[5] or '0') or 0) < question then
    redis.call('HSET', KEYS[1], 'answered', ARGV[4])
end
return 1
