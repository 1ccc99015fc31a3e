-- note_token: notes the digest of a token in its candidate key, so that the log knows it; the expired ones go, and of too
-- many the oldest.
-- KEYS 1 stream, 2 candidate key
-- ARGV 1 kind, 2 org, 3 id, 4 digest, 5 until when it counts ms, 6 server time ms, 7 most tokens
-- Reply 1 done, 0 there is no such key (nothing written)
assert(#KEYS == 2 and #ARGV == 7, 'note_token: arity')
local state = read_hash(KEYS[2])
if next(state) == nil then return 0 end
local kept = {}
for word, ends in string.gmatch(state.tokens or '', '(%x+:(%d+))') do
  if tonumber(ends) > tonumber(ARGV[6]) then kept[#kept + 1] = word end
end
kept[#kept + 1] = ARGV[4] .. ':' .. ARGV[5]
while #kept > tonumber(ARGV[7]) do table.remove(kept, 1) end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, {tokens = table.concat(kept, ' ')})
return 1
