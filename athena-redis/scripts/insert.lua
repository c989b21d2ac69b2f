-- Stores a value whoever holds its lease, and ends the lease.
-- KEYS: value, lease, then obsolete names. ARGV: bytes, life in milliseconds.
-- Coherence 12: what is outdated goes first, so that an error leaves nothing stale behind.
redis.call('UNLINK', unpack(KEYS))
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
-- Coherence 6: one's own write ends the tracking of a name, and reading it begins it again.
redis.call('EXISTS', KEYS[1])
return 1
