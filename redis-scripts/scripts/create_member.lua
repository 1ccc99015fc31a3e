-- create_member: makes a member of an organisation, unless somebody with that address is one.
-- KEYS 1 stream, 2 entity, 3 index of members, 4 members by address
-- ARGV 1 kind, 2 org, 3 id, 4 score in the index, 5 digest of the address, then field, value …
-- Reply 1 done, 0 there is one already (nothing written)
assert(#KEYS == 4 and #ARGV >= 7 and #ARGV % 2 == 1, 'create_member: arity')
if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('HEXISTS', KEYS[4], ARGV[5]) == 1 then return 0 end
local set = {}
for i = 6, #ARGV, 2 do set[ARGV[i]] = ARGV[i + 1] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], {}, set)
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
redis.call('HSET', KEYS[4], ARGV[5], ARGV[3])
return 1
