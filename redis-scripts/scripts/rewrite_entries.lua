-- rewrite_entries: has entries that were confirmed written once more, as a batch of their own.
-- KEYS 1 stream
-- ARGV 1 group, 2 consumer, then ids
-- Reply the number of entries that are pending now: fewer where some are gone; -1 others are pending: nothing changed
assert(#KEYS == 1 and #ARGV > 2, 'rewrite_entries: arity')
if redis.call('XPENDING', KEYS[1], ARGV[1])[1] > 0 then return -1 end
local claim = {'XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0}
for i = 3, #ARGV do claim[#claim + 1] = ARGV[i] end
claim[#claim + 1] = 'FORCE'
claim[#claim + 1] = 'JUSTID'
return #redis.call(unpack(claim))
