-- claim_due: claims what is due, by moving it to the time at which the claim ends.
-- KEYS 1 due set
-- ARGV 1 server time ms, 2 end of the claim ms, 3 most members
-- Reply {member, …}
assert(#KEYS == 1 and #ARGV == 3, 'claim_due: arity')
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], 'XX', ARGV[2], member) end
return due
