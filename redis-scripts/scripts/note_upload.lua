-- note_upload: notes a bundle of a session that was uploaded; one of the same object is replaced. When there are too many,
-- the oldest is forgotten.
-- KEYS 1 stream, 2 uploads, 3 session record, 4 tombstone
-- ARGV 1 kind, 2 org, 3 session, 4 object, 5 what is noted (it ends with ":" and a time in ms), 6 server time ms,
--      7 grace after the end ms, 8 most objects
-- Reply "kept", or why not: "deleted" | "ended" (nothing written then)
assert(#KEYS == 4 and #ARGV == 8, 'note_upload: arity')
local closed = redis.call('HMGET', KEYS[3], 'created', 'closed')
if redis.call('EXISTS', KEYS[4]) == 1 or not closed[1] then return 'deleted' end
if closed[2] and tonumber(ARGV[6]) > tonumber(closed[2]) + tonumber(ARGV[7]) then return 'ended' end
local state, count, oldest, oldest_at = read_hash(KEYS[2]), 0, nil, nil
for object, noted in pairs(state) do
  if object ~= 'v' and object ~= ARGV[4] then
    local at = tonumber(string.match(noted, ':(%d+)$')) or 0
    if not oldest or at < oldest_at then oldest, oldest_at = object, at end
    count = count + 1
  end
end
local unset = count >= tonumber(ARGV[8]) and {oldest} or {}
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {[ARGV[4]] = ARGV[5]}, unset)
return 'kept'
