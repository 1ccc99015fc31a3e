-- remove_member: notes that a member is none any more, and forgets the address.
-- KEYS 1 stream, 2 entity, 3 index of members, 4 members by address
-- ARGV 1 kind, 2 org, 3 id, 4 now in ms, 5 digest of the address
-- Reply 1 done, 0 there is no such member (nothing written)
assert(#KEYS == 4 and #ARGV == 5, 'remove_member: arity')
local state = read_hash(KEYS[2])
if not state.email or state.deleted then return 0 end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {deleted = ARGV[4]}, {'email'})
redis.call('ZREM', KEYS[3], ARGV[3])
if redis.call('HGET', KEYS[4], ARGV[5]) == ARGV[3] then redis.call('HDEL', KEYS[4], ARGV[5]) end
return 1
