-- note_upload: notes a bundle of a session that was uploaded; one of the same object is replaced.
-- KEYS 1 uploads, 2 session record, 3 tombstone
-- ARGV 1 object, 2 what is noted, 3 server time ms, 4 grace after the end ms
-- Reply "kept", or why not: "deleted" | "ended" (nothing written then)
assert(#KEYS == 3 and #ARGV == 4, 'note_upload: arity')
local closed = redis.call('HMGET', KEYS[2], 'created', 'closed')
if redis.call('EXISTS', KEYS[3]) == 1 or not closed[1] then return 'deleted' end
if closed[2] and tonumber(ARGV[3]) > tonumber(closed[2]) + tonumber(ARGV[4]) then return 'ended' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 'kept'
