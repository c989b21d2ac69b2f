-- Appends records to a log, whose numbers have no gaps; begins it anew if it, or what is known of it, is lost.
-- KEYS: log, head. ARGV: nonce, in case that it begins; how many records to keep; records. Returns nonce, last number.
-- Everything is done by commands that write: who appends is not told of what others append, as who reads is.
local function begin()
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('HSET', KEYS[2], 'nonce', ARGV[1], 'n', 0)
end

local function next_number()
    local n = redis.pcall('HINCRBY', KEYS[2], 'n', 1)
    if type(n) == 'number' then
        return n
    end
    begin()
    return redis.call('HINCRBY', KEYS[2], 'n', 1)
end

local function add(n, record, option)
    local id = string.format('%d-0', n)
    if option then
        return redis.pcall('XADD', KEYS[1], option, 'MAXLEN', '~', ARGV[2], id, 'r', record)
    end
    return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], id, 'r', record)
end

-- By nothing: tells what is there, which is no number if it is foreign.
local nonce = redis.pcall('HINCRBY', KEYS[2], 'nonce', 0)
if type(nonce) ~= 'number' or nonce == 0 then
    begin()
end
for at = 3, #ARGV do
    local n = next_number()
    if n > 1 and type(add(n, ARGV[at], 'NOMKSTREAM')) ~= 'string' then
        -- It is gone, or does not end where its head says.
        begin()
        n = next_number()
    end
    if n == 1 then
        redis.call('DEL', KEYS[1])
        add(n, ARGV[at])
    end
end
return { redis.call('HINCRBY', KEYS[2], 'nonce', 0), redis.call('HINCRBY', KEYS[2], 'n', 0) }
