-- save_submission: keeps what a candidate handed in, instead of what was handed in before.
-- KEYS 1 stream, 2 submission, 3 session record, 4 tombstone
-- ARGV 1 kind, 2 org, 3 session, 4 server time ms, 5 grace after the end ms, then field, value …
-- Reply "kept", or why not: "deleted" | "ended" (nothing written then)
assert(#KEYS == 4 and #ARGV >= 7 and #ARGV % 2 == 1, 'save_submission: arity')
local closed = redis.call('HMGET', KEYS[3], 'created', 'closed')
if redis.call('EXISTS', KEYS[4]) == 1 or not closed[1] then return 'deleted' end
if closed[2] and tonumber(ARGV[4]) > tonumber(closed[2]) + tonumber(ARGV[5]) then return 'ended' end
local state, set, unset = read_hash(KEYS[2]), {}, {}
for i = 6, #ARGV, 2 do set[ARGV[i]] = ARGV[i + 1] end
for field in pairs(state) do
  if field ~= 'v' and not set[field] then unset[#unset + 1] = field end
end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set, unset)
return 'kept'
