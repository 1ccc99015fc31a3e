-- count_watchers: says how many watch a session on one node, and learns how many do on all.
-- KEYS 1 watchers by node: <how many>:<until when it counts, ms>; 2 mark of being watched
-- ARGV 1 node, 2 how many watch there, 3 server time ms, 4 how long that counts without being said again ms,
--      5 wake channel, 6 org:session
-- Reply how many watch on the other nodes
assert(#KEYS == 2 and #ARGV == 6, 'count_watchers: arity')
local n, now, life = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local before, elsewhere, fresh = 0, 0, false
local list = redis.call('HGETALL', KEYS[1])
for i = 1, #list, 2 do
  local count, till = string.match(list[i + 1], '^(%d+):(%d+)$')
  if list[i] == ARGV[1] then
    before, fresh = tonumber(count), tonumber(till) - now > life / 2
  elseif tonumber(till) > now then
    elsewhere = elsewhere + tonumber(count)
  end
end
if n == 0 then
  if before > 0 then redis.call('HDEL', KEYS[1], ARGV[1]) end
elseif n ~= before or not fresh then
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%d:%d', n, now + life))
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  redis.call('SET', KEYS[2], '', 'PX', ARGV[4])
end
if n ~= before then redis.call('PUBLISH', ARGV[5], ARGV[6]) end
return elsewhere
