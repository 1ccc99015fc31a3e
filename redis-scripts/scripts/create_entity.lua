-- create_entity: makes one entity and enters it in indexes of its organisation.
-- KEYS 1 stream, 2 entity, then the indexes
-- ARGV 1 kind, 2 org, 3 id, 4 score in the indexes, then field, value …
-- Reply 1 done, 0 it exists already (nothing written)
assert(#KEYS >= 2 and #ARGV >= 6 and #ARGV % 2 == 0, 'create_entity: arity')
if redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
local set = {}
for i = 5, #ARGV, 2 do set[ARGV[i]] = ARGV[i + 1] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], {}, set)
for i = 3, #KEYS do redis.call('ZADD', KEYS[i], ARGV[4], ARGV[3]) end
return 1
