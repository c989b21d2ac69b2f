-- Takes the turn to follow a log, unless somebody else has it, and counts the question.
-- KEYS: how far the log is followed, turn. ARGV: token, life in milliseconds. Returns the question, and history, nonce
-- and number of the last record that was applied; nothing if the turn is not ours.
local holder = redis.pcall('GET', KEYS[2])
if type(holder) == 'string' and holder ~= ARGV[1] then
    return {}
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local asked = redis.call('HINCRBY', KEYS[1], 'asked', 1)
local known = redis.call('HMGET', KEYS[1], 'history', 'nonce', 'number')
return { string.format('%d', asked), known[1] or '', known[2] or '', known[3] or '' }
