-- Appends records to a log, whose numbers have no gaps; begins it anew if it, or what is known of it, is lost.
-- KEYS: log, head. ARGV: nonce, in case that it begins; how many records to keep; records. Returns nonce, last number.
-- Everything is done by commands that write: who appends is not told of what others append, as who reads is.
local function begin()
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], 'nonce', ARGV[1], 'n', 0)
end

if redis.call('HSETNX', KEYS[2], 'nonce', ARGV[1]) == 1 then
    begin()
end
for at = 3, #ARGV do
    local n = redis.call('HINCRBY', KEYS[2], 'n', 1)
    local added = false
    if n > 1 then
        added = redis.pcall('XADD', KEYS[1], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[2],
            string.format('%d-0', n), 'r', ARGV[at])
    end
    if type(added) ~= 'string' then
        -- It is gone, or does not end where its head says; or there was none yet.
        if n > 1 then
            begin()
            redis.call('HSET', KEYS[2], 'n', 1)
        end
        redis.call('DEL', KEYS[1])
        redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '1-0', 'r', ARGV[at])
    end
end
return { redis.call('HINCRBY', KEYS[2], 'nonce', 0), redis.call('HINCRBY', KEYS[2], 'n', 0) }
