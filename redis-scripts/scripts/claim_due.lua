-- claim_due: claims what is due, by moving it to the time at which the claim ends.
-- KEYS 1 due set, 2 mark of wholeness
-- ARGV 1 server time ms, 2 end of the claim ms, 3 most members
-- Reply {member, …}; nothing while the partition is not whole
assert(#KEYS == 2 and #ARGV == 3, 'claim_due: arity')
if redis.call('GET', KEYS[2]) ~= 'whole' then return {} end
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[3])
for _, member in ipairs(due) do redis.call('ZADD', KEYS[1], 'XX', ARGV[2], member) end
return due
