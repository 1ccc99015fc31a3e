-- list_sessions: a page of the sessions that stand in all of the given indexes, latest start first.
-- KEYS 1 a name for the intersection, which does not outlive the call, then the indexes (at least one)
-- ARGV 1 offset, 2 limit
-- Reply {total, {session, …}}
assert(#KEYS >= 2 and #ARGV == 2, 'list_sessions: arity')
local index = KEYS[2]
if #KEYS > 2 then
  local arguments = {KEYS[1], #KEYS - 1}
  for i = 2, #KEYS do arguments[#arguments + 1] = KEYS[i] end
  arguments[#arguments + 1] = 'AGGREGATE'
  arguments[#arguments + 1] = 'MAX'
  redis.call('ZINTERSTORE', unpack(arguments))
  index = KEYS[1]
end
local first = tonumber(ARGV[1])
local page = redis.call('ZREVRANGE', index, first, first + tonumber(ARGV[2]) - 1)
local total = redis.call('ZCARD', index)
if #KEYS > 2 then redis.call('DEL', KEYS[1]) end
return {total, page}
