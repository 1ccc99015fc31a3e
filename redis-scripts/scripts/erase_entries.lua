-- erase_entries: removes entries that hold anything of one session, a piece of the stream at a time, once the log
-- holds all of them: what else such an entry holds is read from there.
-- KEYS 1 stream
-- ARGV 1 group, 2 id of the last entry to look at, 3 where to begin (an id, or "(" and one), 4 most entries to look at,
--      5 org, 6 session
-- Reply "wait" not all of them are confirmed yet (nothing removed), else where to go on, "" at the end
assert(#KEYS == 1 and #ARGV == 6, 'erase_entries: arity')
local delivered = last_delivered(KEYS[1], ARGV[1])
if not delivered or less(delivered, ARGV[2]) then return 'wait' end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] > 0 and not less(ARGV[2], pending[2]) then return 'wait' end

local suffix = ' ' .. ARGV[5] .. ':' .. ARGV[6]
local function holds_it(list)
  local entity = {}
  for i = 1, #list, 2 do
    if string.sub(list[i], -#suffix) == suffix then return true end
    entity[list[i]] = list[i + 1]
  end
  local of_session = {session = true, submission = true, uploads = true, scores = true}
  return of_session[entity.kind] and entity.org == ARGV[5] and entity.id == ARGV[6]
end
local entries = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[2], 'COUNT', ARGV[4])
for _, item in ipairs(entries) do
  if holds_it(item[2]) then redis.call('XDEL', KEYS[1], item[1]) end
end
if #entries < tonumber(ARGV[4]) then return '' end
return '(' .. entries[#entries][1]
