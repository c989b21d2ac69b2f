-- Stores a value whoever holds its lease, and ends the lease.
-- KEYS: value, lease, then obsolete names. ARGV: bytes, life in milliseconds.
-- What is outdated goes first: an error after that leaves nothing stale behind.
redis.call('UNLINK', unpack(KEYS))
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
-- Writes of one's own end the tracking of a name without a word, reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
