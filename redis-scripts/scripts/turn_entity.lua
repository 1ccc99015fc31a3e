-- turn_entity: sets fields of one entity if one of its fields still says what it is expected to.
-- KEYS 1 stream, 2 entity
-- ARGV 1 kind, 2 org, 3 id, 4 the field, 5 what it has to say, then field, value …
-- Reply 1 done, 0 it says something else, or there is no such entity (nothing written)
assert(#KEYS == 2 and #ARGV >= 7 and #ARGV % 2 == 1, 'turn_entity: arity')
local state = read_hash(KEYS[2])
if state[ARGV[4]] ~= ARGV[5] then return 0 end
local set = {}
for i = 6, #ARGV, 2 do set[ARGV[i]] = ARGV[i + 1] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set)
return 1
