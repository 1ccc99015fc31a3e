-- rewind_log: has everything that is in a stream written once more. What is pending stays so and comes first.
-- KEYS 1 stream
-- ARGV 1 group
-- Reply the number of entries in the stream
assert(#KEYS == 1 and #ARGV == 1, 'rewind_log: arity')
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '0')
return redis.call('XLEN', KEYS[1])
