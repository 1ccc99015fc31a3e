-- add_delivery: queues what one webhook is to be told, once: what was queued before, whatever became of it, stays.
-- KEYS 1 delivery (hash), 2 deliveries of the webhook (zset), 3 outbox (zset)
-- ARGV 1 its id, 2 server time ms, 3 member of the outbox, 4 how long it is remembered s, 5 how many are remembered,
--      then field, value …
-- Reply 1 queued, 0 it was before
assert(#KEYS == 3 and #ARGV >= 7 and #ARGV % 2 == 1, 'add_delivery: arity')
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 6))
redis.call('EXPIRE', KEYS[1], ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - tonumber(ARGV[5]))
redis.call('EXPIRE', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[3], ARGV[2], ARGV[3])
return 1
