-- take_lease: takes, renews or gives back a lease.
-- KEYS 1 lease
-- ARGV 1 holder, 2 time to live ms; 0 gives it back
-- Reply 1 the holder has it now, 0 it has it not
assert(#KEYS == 1 and #ARGV == 2, 'take_lease: arity')
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  if holder then redis.call('DEL', KEYS[1]) end
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
