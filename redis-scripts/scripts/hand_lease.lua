-- hand_lease: gives a lease from one holder to the next, or to nobody.
-- KEYS 1 lease
-- ARGV 1 who must hold it now, "" for nobody; 2 who gets it, "" for nobody
-- Reply 1 done, 0 somebody else holds it (nothing written)
assert(#KEYS == 1 and #ARGV == 2, 'hand_lease: arity')
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
