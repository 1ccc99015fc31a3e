-- claim_session: makes the session of a candidate key, or takes over one that was made for nobody and still runs.
-- KEYS 1 stream, 2 session record, 3 tombstone
-- ARGV 1 kind, 2 org, 3 session, 4 candidate key, then field, value …
-- Reply "claimed" | "own" it was this key's before | "foreign" | "deleted" (nothing written but for "claimed")
assert(#KEYS == 3 and #ARGV >= 4 and #ARGV % 2 == 0, 'claim_session: arity')
if redis.call('EXISTS', KEYS[3]) == 1 then return 'deleted' end
local state = read_hash(KEYS[2])
if state.key == ARGV[4] then return 'own' end
if state.key or state.ended then return 'foreign' end
local set = {}
for i = 5, #ARGV, 2 do
  -- What stands already was said by whoever made it.
  if ARGV[i] == 'updated' or not state[ARGV[i]] then set[ARGV[i]] = ARGV[i + 1] end
end
if next(state) ~= nil then set.taken = '1' end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set)
return 'claimed'
