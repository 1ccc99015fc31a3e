-- record_events: one commit of one partition: the events of one or more sessions, each all or nothing.
--
-- KEYS 1 stream, 2 last commit of this committer, 3 mark of wholeness, then nine for each session:
--      record (hash), sums (hash), seen (set), files (set), tail (zset), tombstone, mark of being watched, window counts of
--      this quarter of an hour and of the one before (hashes)
-- ARGV 1 nonce of the call, 2 server time ms, 3 grace for late events ms, 4 wake channel, 5 channel of broadcasts, 6 the
--      most bytes that are broadcast, then three for each session: org, session, and what to do, packed with msgpack as a
--      list:
--        1 number of events                    7 sums {field, amount, …}
--        2 ids, 16 bytes each, joined          8 earliest times {field, ms, …}
--        3 fields of a new record {f, v, …}    9 latest time ms
--        4 candidate key, or ""               10 last test {ms, place in the batch from 0, 1 passed | 0} or {}
--        5 endedAt ms, or 0 if nothing closes 11 files, a list of 16 bytes each
--        6 promoted {field, value, …}         12 window counts {0 this block | 1 the one before, field, amount, …}
--       13 source service, or ""              14 the events as the log keeps them
-- Reply for each session {0, seq before its first event, 1 record made, 1 session closed, createdAt ms},
--       {1, "01…"} a 1 for each event that is recorded already: nothing of this session was applied,
--       {2, "deleted" | "ended" | "mismatch"} nothing of this session was applied
-- A call with the nonce of the committer's last call changes nothing and answers what that one answered.
-- An error, and nothing written, while the partition is not whole: seq and seen ids would begin anew.
assert(#KEYS >= 12 and (#KEYS - 3) % 9 == 0, 'record_events: keys')
assert(#ARGV - 6 == 3 * (#KEYS - 3) / 9, 'record_events: arguments')

-- What is read is read in as few calls, and of hashes only the fields that matter: a call costs as much as a small write.
local marks = {KEYS[3], KEYS[2]}
for k = 3, #KEYS - 9, 9 do
  marks[#marks + 1] = KEYS[k + 6]
  marks[#marks + 1] = KEYS[k + 7]
end
marks = redis.call('MGET', unpack(marks))
if marks[1] ~= 'whole' then
  return redis.error_reply('NOTWHOLE what this Redis held is not there, or not all of it')
end
local nonce, now, grace = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if marks[2] then
  local known, reply = unpack(cmsgpack.unpack(marks[2]))
  if known == nonce then return reply end
end

-- Reads these fields of the hash at `key` as a table.
local function read_fields(key, fields)
  local state, values = {}, redis.call('HMGET', key, unpack(fields))
  for i, field in ipairs(fields) do
    if values[i] then state[field] = values[i] end
  end
  return state
end

-- Decide before anything is written.
local reply, entry, todo = {}, {}, {}
for number = 1, (#KEYS - 3) / 9 do
  local k, a = 3 + 9 * (number - 1), 6 + 3 * (number - 1)
  local part = cmsgpack.unpack(ARGV[a + 3])
  local n = part[1]
  local asked = {'created', 'closed', 'ended', 'key', 'source'}
  for i = 1, #part[6], 2 do asked[#asked + 1] = part[6][i] end
  local record = read_fields(KEYS[k + 1], asked)
  local refusal
  if marks[1 + 2 * number] then refusal = 'deleted'
  elseif record.closed and now > tonumber(record.closed) + grace then refusal = 'ended'
  elseif record.key and part[4] ~= '' and record.key ~= part[4] then refusal = 'mismatch' end
  if refusal then
    reply[number] = {2, refusal}
  else
    local ids = {}
    for i = 1, n do ids[i] = string.sub(part[2], 16 * i - 15, 16 * i) end
    local seen, repeated = redis.call('SMISMEMBER', KEYS[k + 3], unpack(ids)), false
    for i = 1, n do repeated = repeated or seen[i] == 1 end
    if repeated then
      reply[number] = {1, table.concat(seen)}
    else
      asked = {'seq', 'last_ts', 'test_ts', 'test_seq'}
      for i = 1, #part[7], 2 do asked[#asked + 1] = part[7][i] end
      for i = 1, #part[8], 2 do asked[#asked + 1] = part[8][i] end
      local sums = read_fields(KEYS[k + 2], asked)
      local base = tonumber(sums.seq or '0')
      local created = record.created or string.format('%d', now)
      local name = string.format('%d', base) .. ' ' .. created .. ' ' .. ARGV[a + 1] .. ':' .. ARGV[a + 2]
      entry[#entry + 1] = name
      entry[#entry + 1] = part[14]
      local watched = marks[2 + 2 * number]
      todo[#todo + 1] = {number = number, k = k, a = a, part = part, ids = ids, record = record, sums = sums, base = base,
        name = name, watched = watched}
    end
  end
end

if #todo > 0 then
  local entry_id = redis.call('XADD', KEYS[1], '*', unpack(entry))
  local woken = {}
  for _, t in ipairs(todo) do
    local k, part, record, sums = t.k, t.part, t.record, t.sums
    redis.call('SADD', KEYS[k + 3], unpack(t.ids))

    -- The sums of the session, read above, written once.
    local fields = {'seq', string.format('%d', t.base + part[1])}
    local function put(field, value)
      fields[#fields + 1] = field
      fields[#fields + 1] = string.format('%d', value)
    end
    for i = 1, #part[7], 2 do put(part[7][i], tonumber(sums[part[7][i]] or '0') + part[7][i + 1]) end
    for i = 1, #part[8], 2 do
      local known = tonumber(sums[part[8][i]])
      if not known or part[8][i + 1] < known then put(part[8][i], part[8][i + 1]) end
    end
    if part[9] > tonumber(sums.last_ts or '-1') then put('last_ts', part[9]) end
    if #part[10] > 0 then
      local ts, seq = part[10][1], t.base + part[10][2] + 1
      local known = tonumber(sums.test_ts or '-1')
      if ts > known or (ts == known and seq > tonumber(sums.test_seq)) then
        put('test_ts', ts)
        put('test_seq', seq)
        put('test_passed', part[10][3])
      end
    end
    redis.call('HSET', KEYS[k + 2], unpack(fields))
    if #part[11] > 0 then redis.call('SADD', KEYS[k + 4], unpack(part[11])) end
    redis.call('ZADD', KEYS[k + 5], t.base, entry_id)
    for i = 1, #part[12], 3 do
      local window = KEYS[k + 8 + part[12][i]]
      local count = redis.call('HINCRBY', window, part[12][i + 1], part[12][i + 2])
      -- A field that is new may have made the hash. A block counts for half an hour after it began.
      if count == part[12][i + 2] then redis.call('EXPIRE', window, 2400) end
    end

    -- The record, where the events change it.
    local set, made, closed = {}, 0, 0
    if not record.created then
      made = 1
      for i = 1, #part[3], 2 do set[part[3][i]] = part[3][i + 1] end
      set.created = string.format('%d', now)
    end
    if part[4] ~= '' and not record.key then set.key = part[4] end
    if part[13] ~= '' and not record.source then set.source = part[13] end
    if part[5] > 0 and not record.ended then
      closed = 1
      set.ended, set.closed, set.reason = string.format('%d', part[5]), string.format('%d', now), 'session_end'
    end
    for i = 1, #part[6], 2 do
      if not record[part[6][i]] and not set[part[6][i]] then set[part[6][i]] = part[6][i + 1] end
    end
    if next(set) then
      set.updated = string.format('%d', now)
      local whole = read_hash(KEYS[k + 1])
      commit_entity(KEYS[1], KEYS[k + 1], 'session', ARGV[t.a + 1], ARGV[t.a + 2], whole, set)
    end
    reply[t.number] = {0, t.base, made, closed, tonumber(record.created)}
    -- Who watches gets the events with the news of them; all others read what they want.
    if t.watched and #part[14] <= tonumber(ARGV[6]) then
      redis.call('PUBLISH', ARGV[5], t.name .. '\n' .. part[14])
    else
      woken[#woken + 1] = ARGV[t.a + 1] .. ':' .. ARGV[t.a + 2]
    end
  end
  redis.call('SET', KEYS[2], cmsgpack.pack({nonce, reply}), 'EX', 3600)
  if #woken > 0 then redis.call('PUBLISH', ARGV[4], table.concat(woken, '\n')) end
end
return reply
