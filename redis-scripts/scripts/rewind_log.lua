-- rewind_log: has everything that is in a stream written once more. What is pending stays so and comes first.
-- KEYS 1 stream, 2 mark of doubt
-- ARGV 1 group
-- Reply the number of entries in the stream
assert(#KEYS == 2 and #ARGV == 1, 'rewind_log: arity')
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '0')
-- Where it was doubted, it is until all that is there now is written.
local newest = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if newest[1] then redis.call('SET', KEYS[2], newest[1][1], 'XX', 'KEEPTTL') end
return redis.call('XLEN', KEYS[1])
