-- Replaces whatever is not a generation; keeps one that another client wrote meanwhile.
-- KEYS: generation. ARGV: proposal. Returns 1 if replaced.
local found = redis.pcall('GET', KEYS[1])
if type(found) == 'string' and #found == 16 and found:find('^%x+$') and found:find('[^0]') then
    return 0
end
redis.call('SET', KEYS[1], ARGV[1])
return 1
