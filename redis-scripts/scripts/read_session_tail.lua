-- read_session_tail: the newest events of a session, as far as the stream still holds them.
-- KEYS 1 stream, 2 sums, 3 tail, 4 mark of doubt
-- ARGV 1 the seq after which to read, or "flushed": after what ClickHouse holds; 2 most entries; 3 org:session
-- Reply {newest seq, seq up to which ClickHouse holds all, {name, value, …}} by seq; the first entry may begin before
-- the seq that was asked for, and begins after it when the stream no longer reaches back that far
assert(#KEYS == 4 and #ARGV == 3, 'read_session_tail: arity')
local sums = redis.call('HMGET', KEYS[2], 'seq', 'flushed')
local newest, flushed = tonumber(sums[1] or '0'), tonumber(sums[2] or '0')
if ARGV[1] == 'flushed' and redis.call('EXISTS', KEYS[4]) == 1 then
  -- ClickHouse may lack what it confirmed: all that the tail names and the stream still has counts as not confirmed.
  local oldest, kept = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1), redis.call('ZRANGE', KEYS[3], 0, -1, 'WITHSCORES')
  for i = 1, oldest[1] and #kept or 0, 2 do
    if not less(kept[i], oldest[1][1]) then
      flushed = math.min(flushed, tonumber(kept[i + 1]))
      break
    end
  end
end
local after = ARGV[1] == 'flushed' and flushed or tonumber(ARGV[1])
local found = {}
if after < newest then
  local entries = redis.call('ZREVRANGEBYSCORE', KEYS[3], after, '-inf', 'LIMIT', 0, 1)
  local later = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. after, '+inf', 'LIMIT', 0, ARGV[2])
  for i = 1, #later do entries[#entries + 1] = later[i] end
  local suffix = ' ' .. ARGV[3]
  for _, id in ipairs(entries) do
    for _, item in ipairs(redis.call('XRANGE', KEYS[1], id, id)) do
      for i = 1, #item[2], 2 do
        if string.sub(item[2][i], -#suffix) == suffix then
          found[#found + 1] = item[2][i]
          found[#found + 1] = item[2][i + 1]
        end
      end
    end
  end
end
return {newest, flushed, found}
