-- trim_stream: removes entries that were confirmed and are older than a given time. Trimming looks at no consumer
-- group by itself: an entry that is pending, or not delivered yet, must never go.
-- KEYS 1 stream
-- ARGV 1 group, 2 time ms before which entries may go
-- Reply the number of entries removed
assert(#KEYS == 1 and #ARGV == 2, 'trim_stream: arity')
local limit = last_delivered(KEYS[1], ARGV[1])
if not limit then return 0 end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] > 0 and less(pending[2], limit) then limit = pending[2] end
local by_time = ARGV[2] .. '-0'
if less(by_time, limit) then limit = by_time end
return redis.call('XTRIM', KEYS[1], 'MINID', limit)
