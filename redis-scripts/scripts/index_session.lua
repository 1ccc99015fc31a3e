-- index_session: puts a session where it belongs in its organisation's indexes.
-- KEYS 1 status by session, 2 unsettled, 3 pending, 4 active, 5 ended, 6 all, then assessment and source if it has them
-- ARGV 1 session, 2 startedAt ms, 3 rank of its status (1 pending, 2 active, 3 ended), 4 assessment or "",
--      5 closing time ms
-- Reply 1 when its status is another than before, else 0
assert(#KEYS >= 6 and #KEYS <= 8 and #ARGV == 5, 'index_session: arity')
local session, started, rank = ARGV[1], ARGV[2], tonumber(ARGV[3])
local before = tonumber(redis.call('HGET', KEYS[1], session) or '0')
local turned = 0
if rank > before then
  turned = 1
  redis.call('HSET', KEYS[1], session, rank)
  if before > 0 then redis.call('ZREM', KEYS[2 + before], session) end
  if rank == 3 and ARGV[4] ~= '' then redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4] .. ':' .. session) end
else
  rank = before
end
redis.call('ZADD', KEYS[2 + rank], started, session)
for i = 6, #KEYS do redis.call('ZADD', KEYS[i], started, session) end
return turned
