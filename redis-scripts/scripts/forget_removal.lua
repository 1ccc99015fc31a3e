-- forget_removal: the append-only file was rewritten after a removal; notes that nothing is left of it, unless there
-- was another one since.
-- KEYS 1 mark of the last removal
-- ARGV 1 the mark as it was before the rewrite began
-- Reply 1 forgotten, 0 there was another one
assert(#KEYS == 1 and #ARGV == 1, 'forget_removal: arity')
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
