-- draw_budget: takes cells of a budget for one node, some of them ahead of their use. No window of time ever sees more than the
-- burst and what flowed in meanwhile: what is taken ahead is held back from everybody, and flows in again only when it was used.
-- KEYS 1 budget, a hash: `tat` us at which the budget is full, `at` us of the last call, `<node>` -> "cells held:until us"
-- ARGV 1 node; 2 held cells that it has used since its last call; 3 held cells that it still has; 4 cells for now;
--      5 cells ahead; 6 us for one cell; 7 burst; 8 how long cells are held us
-- Reply {cells for now, cells held, cells left besides, us until there is one more}
assert(#KEYS == 1 and #ARGV == 8, 'draw_budget: arity')
local node, used, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local asked, ahead, each, burst = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = read_hash(KEYS[1])
local tat = tonumber(state.tat) or now
-- A clock that was set back takes the budget with it: it neither stands still nor is full all at once.
local back = math.max(0, (tonumber(state.at) or now) - now)
tat = tat - back
local mine, others, last, changed = 0, 0, 0, {}
for field, value in pairs(state) do
  local cells, ends = string.match(value, '^(%d+):(%-?%d+)$')
  if cells then
    cells, ends = tonumber(cells), tonumber(ends) - back
    if ends <= now then
      -- Whether they were used nobody says any more: they count as used when they ended.
      tat = math.max(tat, ends) + cells * each
      changed[field] = ''
    elseif field == node then
      mine = cells
    else
      others, last = others + cells, math.max(last, ends)
      if back > 0 then changed[field] = string.format('%d:%d', cells, ends) end
    end
  end
end
used = math.min(used, mine)
mine = math.min(mine - used, kept)
tat = math.max(tat, now) + used * each
local free = math.floor((burst * each - (tat - now)) / each) - others - mine
local granted = math.max(0, math.min(asked, free))
-- Ahead goes only a part of what is left, so that the last cells go to whoever asks for them.
local held = granted == asked and math.min(ahead, math.floor((free - granted) / 8)) or 0
held = math.max(0, held)
tat, mine = tat + granted * each, mine + held
local left = math.max(0, free - granted - held)
local wait = math.max(0, tat - now + (others + mine + 1 - burst) * each)
if used > 0 or granted > 0 or held > 0 or back > 0 or next(changed) or (state[node] and not changed[node]) then
  local ends = now + tonumber(ARGV[8])
  changed[node] = mine > 0 and string.format('%d:%d', mine, ends) or ''
  changed.tat, changed.at = string.format('%d', tat), string.format('%d', now)
  for field, value in pairs(changed) do
    if value ~= '' then redis.call('HSET', KEYS[1], field, value)
    elseif state[field] then redis.call('HDEL', KEYS[1], field) end
  end
  if mine > 0 then last = math.max(last, ends) end
  -- A budget that is full is as good as none: memory follows those who use theirs.
  local until_full = math.max(tat, last) + (others + mine) * each - now
  redis.call('PEXPIRE', KEYS[1], math.ceil(until_full / 1000) + 1000)
end
return {granted, mine, left, wait}
