-- add_cost: adds to what model traffic cost, of a candidate key or a session.
-- KEYS 1 stream, 2 entity
-- ARGV 1 kind, 2 org, 3 id, 4 nanodollars, then for a session 5 server time ms, 6 wake channel
-- Reply 1 done, 0 there is no such entity (nothing written)
assert(#KEYS == 2 and (#ARGV == 4 or #ARGV == 6), 'add_cost: arity')
local state = read_hash(KEYS[2])
if next(state) == nil then return 0 end
-- Numbers are exact here up to 2^53: nine million dollars. It stays at that, rather than becoming any number at all.
local nano = math.min(math.floor((tonumber(state.cost) or 0) * 1e9 + 0.5) + tonumber(ARGV[4]), 2^53 - 1)
local set = {cost = string.format('%d.%09d', math.floor(nano / 1e9), nano % 1e9)}
if ARGV[5] then set.updated = ARGV[5] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set)
if ARGV[6] then redis.call('PUBLISH', ARGV[6], ARGV[2] .. ':' .. ARGV[3]) end
return 1
