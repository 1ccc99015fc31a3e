-- list_confirmed: what entries of a stream hold that were confirmed as written, by names and numbers alone.
-- KEYS 1 stream
-- ARGV 1 group, 2 where to begin (an id, or "(" and one), 3 most entries to look at
-- Reply {where to go on, "" at the end, then for each part that can be read
--       {id, "events", name of the field, number of events} or {id, "entity", kind, org, id, version}}
assert(#KEYS == 1 and #ARGV == 3, 'list_confirmed: arity')
local reply = {''}
if redis.call('EXISTS', KEYS[1]) == 0 then return reply end
local delivered = last_delivered(KEYS[1], ARGV[1])
if not delivered then return reply end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])

local function describe_entity(id, list)
  local entity = {}
  for i = 1, #list, 2 do entity[list[i]] = list[i + 1] end
  if not entity.kind then return false end
  local is_read, state = pcall(cjson.decode, entity.state or '')
  if is_read and type(state) == 'table' and entity.org and entity.id then
    for i = 1, #state, 2 do
      if state[i] == 'v' then
        reply[#reply + 1] = {id, 'entity', entity.kind, entity.org, entity.id, state[i + 1]}
      end
    end
  end
  return true
end

local entries = redis.call('XRANGE', KEYS[1], ARGV[2], delivered, 'COUNT', ARGV[3])
for _, item in ipairs(entries) do
  local id, list = item[1], item[2]
  -- From the first that is pending on, entries may be on their way.
  if pending[1] > 0 and not less(id, pending[2]) then return reply end
  if not describe_entity(id, list) then
    for i = 1, #list, 2 do
      -- The head of the layout: its version, 8 bytes of time, the number of events.
      local layout, a, b, c, d = string.byte(list[i + 1], 1), string.byte(list[i + 1], 10, 13)
      if layout == 1 and d then
        local n = string.format('%d', a + b * 256 + c * 65536 + d * 16777216)
        reply[#reply + 1] = {id, 'events', list[i], n}
      end
    end
  end
end
if #entries == tonumber(ARGV[3]) then reply[1] = '(' .. entries[#entries][1] end
return reply
