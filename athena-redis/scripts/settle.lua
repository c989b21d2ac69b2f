-- Removes the records of a log that have been taken care of, and notes up to where.
-- KEYS: log, head. ARGV: number of the last of them. Returns 1.
-- What goes for want of room is not noted, so that it is missed.
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%d-0', ARGV[1] + 1))
if (tonumber(redis.call('HGET', KEYS[2], 's') or '0') or 0) < tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[2], 's', ARGV[1])
end
return 1
