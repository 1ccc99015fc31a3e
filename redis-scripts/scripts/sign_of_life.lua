-- sign_of_life: says that a node lives, also when Redis is full: it is the node that makes room.
-- KEYS 1 its sign
-- ARGV 1 how long it counts, ms
-- Reply 1
assert(#KEYS == 1 and #ARGV == 1, 'sign_of_life: arity')
redis.call('SET', KEYS[1], 1, 'PX', ARGV[1])
return 1
