-- set_metadata: replaces a session's metadata, promoted values included, if the record has not changed meanwhile.
-- KEYS 1 stream, 2 session record
-- ARGV 1 kind, 2 org, 3 session, 4 version that was read, 5 metadata as JSON, 6 server time ms, 7 wake channel
-- Reply 1 done, 0 the record is gone or has another version (nothing written)
assert(#KEYS == 2 and #ARGV == 7, 'set_metadata: arity')
local state = read_hash(KEYS[2])
if state.v ~= ARGV[4] then return 0 end
local unset = {}
for field in pairs(state) do
  if string.sub(field, 1, 2) == 'm:' then unset[#unset + 1] = field end
end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {meta = ARGV[5], updated = ARGV[6]}, unset)
redis.call('PUBLISH', ARGV[7], ARGV[2] .. ':' .. ARGV[3])
return 1
