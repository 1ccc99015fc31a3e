-- release_session: takes back what a candidate key claimed and did not get, because it has another session.
-- KEYS 1 stream, 2 session record, 3 sums
-- ARGV 1 kind, 2 org, 3 session, 4 candidate key, 5 server time ms
-- Reply "gone" it was made for this key | "free" it was made for nobody, and is nobody's again | "kept" it is not this
--       key's, has events or has ended (nothing written but for "free")
assert(#KEYS == 3 and #ARGV == 5, 'release_session: arity')
local state = read_hash(KEYS[2])
if state.key ~= ARGV[4] or state.ended or redis.call('EXISTS', KEYS[3]) == 1 then return 'kept' end
if not state.taken then
  redis.call('DEL', KEYS[2])
  return 'gone'
end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {updated = ARGV[5]},
  {'key', 'assessment', 'name', 'deadline', 'taken'})
return 'free'
