-- begin_erasure: from here on the session does not exist, and nothing can bring it back.
-- KEYS 1 stream, 2 session record, 3 tombstone
-- ARGV 1 org, 2 session, 3 server time ms, 4 wake channel
-- Reply false there is no such session, or it is erased; else JSON of what is needed to go on, the same when called
-- again: {entry, created, key, assessment, source}, the last three only where the session has them
assert(#KEYS == 3 and #ARGV == 4, 'begin_erasure: arity')
local stone = redis.call('GET', KEYS[3])
if stone then return stone ~= '' and stone end
local state = read_hash(KEYS[2])
if not state.created then return false end
local tombstone = cjson.encode({'v', '1', 'erased', ARGV[3]})
local entry = redis.call('XADD', KEYS[1], '*', 'kind', 'tombstone', 'org', ARGV[1], 'id', ARGV[2], 'state', tombstone)
stone = cjson.encode({
  entry = entry, created = state.created, key = state.key, assessment = state.assessment, source = state.source,
})
redis.call('SET', KEYS[3], stone)
redis.call('DEL', KEYS[2])
redis.call('PUBLISH', ARGV[4], '!' .. ARGV[1] .. ':' .. ARGV[2])
return stone
