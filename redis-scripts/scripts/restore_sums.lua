-- restore_sums: the last step of restoring a session: what its events add up to, all of it in one. Its seen ids and its
-- files are there already. Writes no stream entry.
-- KEYS 1 sums, 2 tail, 3 seen, 4 files, 5 tombstone, then hashes of window counts
-- ARGV 1 seq of the newest event that the log holds, 2 seconds for which the seen ids are kept or "", 3 number of fields,
--      then field, value …, then for each of the hashes the number of its fields and field, value …
-- Reply 1 done, 0 a seq that is not smaller is there, -1 the session was erased (and what was written of it is gone)
assert(#KEYS >= 5 and #ARGV >= 3, 'restore_sums: arity')
if redis.call('EXISTS', KEYS[5]) == 1 then
  redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
  return -1
end
if tonumber(redis.call('HGET', KEYS[1], 'seq') or '0') >= tonumber(ARGV[1]) then return 0 end
local fields, next_argument = {'seq', ARGV[1], 'flushed', ARGV[1]}, 3
local function take()
  local taken, last = {}, next_argument + 2 * tonumber(ARGV[next_argument])
  for i = next_argument + 1, last do taken[#taken + 1] = ARGV[i] end
  next_argument = last + 1
  return taken
end
for _, word in ipairs(take()) do fields[#fields + 1] = word end
for k = 6, #KEYS do
  local counts = take()
  redis.call('DEL', KEYS[k])
  if #counts > 0 then
    redis.call('HSET', KEYS[k], unpack(counts))
    redis.call('EXPIRE', KEYS[k], 2400)
  end
end
-- The log holds all up to there: nothing has to be found in the stream.
redis.call('DEL', KEYS[1], KEYS[2])
if ARGV[2] ~= '' then redis.call('EXPIRE', KEYS[3], ARGV[2]) end
redis.call('HSET', KEYS[1], unpack(fields))
return 1
