-- trim_stream: removes entries that were confirmed and are older than a given time. Trimming looks at no consumer
-- group by itself: an entry that is pending, or not delivered yet, must never go.
-- KEYS 1 stream
-- ARGV 1 group, 2 time ms before which entries may go
-- Reply the number of entries removed
assert(#KEYS == 1 and #ARGV == 2, 'trim_stream: arity')
local function less(one, other)
  local a, b = string.match(one, '^(%d+)-(%d+)$')
  local c, d = string.match(other, '^(%d+)-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a < c or (a == c and b < d)
end
local limit
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local fields = {}
  for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
  if fields.name == ARGV[1] then limit = fields['last-delivered-id'] end
end
if not limit then return 0 end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] > 0 and less(pending[2], limit) then limit = pending[2] end
local by_time = ARGV[2] .. '-0'
if less(by_time, limit) then limit = by_time end
return redis.call('XTRIM', KEYS[1], 'MINID', limit)
