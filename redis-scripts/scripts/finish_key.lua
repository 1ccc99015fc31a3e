-- finish_key: brings a candidate key to its end, once.
-- KEYS 1 stream, 2 candidate key
-- ARGV 1 kind, 2 org, 3 id, 4 server time ms, 5 "completed" | "expired"
-- Reply 1 done, 0 there is no such key or it has come to its end before (nothing written)
assert(#KEYS == 2 and #ARGV == 5, 'finish_key: arity')
local state = read_hash(KEYS[2])
if next(state) == nil or state.completed or state.expired then return 0 end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {[ARGV[5]] = ARGV[4]})
return 1
