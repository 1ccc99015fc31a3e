-- write_entity: sets and removes fields of one entity.
-- KEYS 1 stream, 2 entity, 3 the tombstone of its session, where there may be one
-- ARGV 1 kind, 2 org, 3 id, 4 "present" | "absent" | "any", 5 number of pairs, then field, value …, then fields to remove
-- Reply 1 done, 0 the entity is not as expected, -1 its session was erased (nothing written)
assert((#KEYS == 2 or #KEYS == 3) and #ARGV >= 5, 'write_entity: arity')
if KEYS[3] and redis.call('EXISTS', KEYS[3]) == 1 then return -1 end
local state = read_hash(KEYS[2])
local present = next(state) ~= nil
if (ARGV[4] == 'present' and not present) or (ARGV[4] == 'absent' and present) then return 0 end
local set, unset, pairs_end = {}, {}, 5 + 2 * tonumber(ARGV[5])
for i = 6, pairs_end, 2 do set[ARGV[i]] = ARGV[i + 1] end
for i = pairs_end + 1, #ARGV do unset[#unset + 1] = ARGV[i] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set, unset)
return 1
