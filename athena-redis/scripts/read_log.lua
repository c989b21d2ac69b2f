-- Reads records of a log together with what is known of it, as of one moment.
-- KEYS: log, head. ARGV: number after which to read, how many. Returns nonce, last number, the last that was settled, then
-- number and record of each. A server tells who has read the head of the next record.
local head = redis.call('HMGET', KEYS[2], 'nonce', 'n', 's')
local answer = { head[1] or '0', head[2] or '0', head[3] or '0' }
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1] .. '-0', '+', 'COUNT', ARGV[2])) do
    answer[#answer + 1] = string.match(entry[1], '^%d+')
    -- What has no record says everything.
    answer[#answer + 1] = entry[2][1] == 'r' and entry[2][2] or ''
end
return answer
