-- Shared by every script. Each file states its own KEYS, ARGV and reply.
-- Scripts do not roll back: whatever may fail is read and checked before the first write, and XADD is the first write.

-- Reads the hash at `key` as a table; empty when there is none.
local function read_hash(key)
  local state, list = {}, redis.call('HGETALL', key)
  for i = 1, #list, 2 do state[list[i]] = list[i + 1] end
  return state
end

-- Whether one id of a stream comes before another.
local function less(one, other)
  local a, b = string.match(one, '^(%d+)-(%d+)$')
  local c, d = string.match(other, '^(%d+)-(%d+)$')
  a, b, c, d = tonumber(a), tonumber(b), tonumber(c), tonumber(d)
  return a < c or (a == c and b < d)
end

-- The id of the last entry of `stream` that `group` was given; nil when there is no such group.
local function last_delivered(stream, group)
  for _, told in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = {}
    for i = 1, #told, 2 do fields[told[i]] = told[i + 1] end
    if fields.name == group then return fields['last-delivered-id'] end
  end
end

-- Applies `set` (field -> value) and `unset` (list of fields) to the entity at `key`, whose fields are `state`, counts
-- its version up, and writes the new whole to `stream` first: the log never misses a change that Redis holds.
local function commit_entity(stream, key, kind, org, id, state, set, unset)
  for _, field in ipairs(unset or {}) do state[field] = nil end
  for field, value in pairs(set) do state[field] = value end
  local version = tonumber(state.v) or 0
  if version == 0 and kind == 'session' then
    -- One that is made anew under the id of one that is gone has a later version than that ever had.
    version = redis.call('TIME')[1] * 1000
  end
  state.v = string.format('%d', version + 1)
  local flat = {}
  for field, value in pairs(state) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  redis.call('XADD', stream, '*', 'kind', kind, 'org', org, 'id', id, 'state', cjson.encode(flat))
  if unset and #unset > 0 then redis.call('HDEL', key, unpack(unset)) end
  redis.call('HSET', key, unpack(flat))
end

