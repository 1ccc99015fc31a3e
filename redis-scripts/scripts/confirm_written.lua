-- confirm_written: entries of the stream are in ClickHouse.
-- KEYS 1 stream, 2 lease, 3 mark of doubt, then sums and tail of each session
-- ARGV 1 holder, 2 group, 3 entries of a tail that are kept although they are written, 4 number of ids, then the ids,
--      then for each session the seq up to which ClickHouse holds it
-- Reply 1 done, 0 the lease is another's (nothing changed)
assert(#KEYS >= 3 and #KEYS % 2 == 1 and #ARGV >= 4, 'confirm_written: arity')
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
local first = 4 + tonumber(ARGV[4])
for i = 5, first do redis.call('XACK', KEYS[1], ARGV[2], ARGV[i]) end
for i = 1, (#KEYS - 3) / 2 do
  local sums, tail, seq = KEYS[2 * i + 2], KEYS[2 * i + 3], tonumber(ARGV[first + i])
  -- A session that was erased meanwhile has no sums any more, and gets none.
  if redis.call('EXISTS', sums) == 1 and seq > tonumber(redis.call('HGET', sums, 'flushed') or '0') then
    redis.call('HSET', sums, 'flushed', ARGV[first + i])
  end
  -- What is written may leave the tail, but for the newest entries; what is not written never leaves it.
  local surplus = redis.call('ZCOUNT', tail, '-inf', '(' .. seq) - tonumber(ARGV[3])
  if surplus > 0 then redis.call('ZREMRANGEBYRANK', tail, 0, surplus - 1) end
end
-- Once more written is what was doubted when all of it was delivered again and none of it is pending.
local doubted = redis.call('GET', KEYS[3])
if doubted and doubted ~= '+' then
  local delivered, pending = last_delivered(KEYS[1], ARGV[2]), redis.call('XPENDING', KEYS[1], ARGV[2])
  if delivered and not less(delivered, doubted) and (pending[1] == 0 or less(doubted, pending[2])) then
    redis.call('DEL', KEYS[3])
  end
end
return 1
