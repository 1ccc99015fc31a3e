-- close_session: gives a session its end, once.
-- KEYS 1 stream, 2 session record
-- ARGV 1 kind, 2 org, 3 session, 4 endedAt ms, 5 server time ms, 6 reason, 7 "1" an end that stands may be overwritten,
--      8 wake channel
-- Reply {0, 0} no such session, {1, ms} closed before, {2, ms} closed now
assert(#KEYS == 2 and #ARGV == 8, 'close_session: arity')
local state = read_hash(KEYS[2])
if next(state) == nil then return {0, 0} end
if state.ended and ARGV[7] ~= '1' then return {1, tonumber(state.ended)} end
local set = {ended = ARGV[4], updated = ARGV[5]}
if not state.ended then set.closed, set.reason = ARGV[5], ARGV[6] end
commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set)
redis.call('PUBLISH', ARGV[8], ARGV[2] .. ':' .. ARGV[3])
return {2, tonumber(ARGV[4])}
