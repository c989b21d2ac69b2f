-- Replaces whatever is not a generation; keeps one that another client wrote meanwhile.
-- KEYS: generation. ARGV: proposal, life in milliseconds, 0 for one without an end. Returns 1 if replaced.
local found = redis.pcall('GET', KEYS[1])
if type(found) == 'string' and #found == 16 and found:find('^%x+$') and found:find('[^0]') then
    return 0
end
if ARGV[2] == '0' then
    redis.call('SET', KEYS[1], ARGV[1])
else
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
return 1
