-- redeem_key: gives a candidate key its session, once; registers a public key every time, and a name where there is none.
-- KEYS 1 stream, 2 candidate key, 3 its assessment, 4 outbox
-- ARGV 1 kind, 2 org, 3 id, 4 server time ms, 5 session to begin, 6 public key or "", 7 candidate's name or "",
--      8 "1" consent is required, 9 how many public keys there may be, 10 what the outbox is to have once it started
-- Reply "started" | "again", or why not: "missing" | "revoked" | "completed" | "expired" | "consent_required" |
--       "too_many_public_keys" (nothing written then)
assert(#KEYS == 4 and #ARGV == 10, 'redeem_key: arity')
local state = read_hash(KEYS[2])
if next(state) == nil then return 'missing' end
if state.revoked then return 'revoked' end
if not state.redeemed and redis.call('HEXISTS', KEYS[3], 'deleted') == 1 then return 'revoked' end
if state.completed then return 'completed' end
if state.expired or tonumber(state.expires) <= tonumber(ARGV[4]) then return 'expired' end
if ARGV[8] == '1' and not state.consent_at then return 'consent_required' end

local set, outcome = {}, 'again'
if not state.redeemed then
  set.redeemed, set.session, outcome = ARGV[4], ARGV[5], 'started'
end
if ARGV[6] ~= '' then
  local known, count = {}, 0
  for key in string.gmatch(state.pubkeys or '', '%S+') do
    known[key], count = true, count + 1
  end
  if not known[ARGV[6]] then
    if count >= tonumber(ARGV[9]) then return 'too_many_public_keys' end
    set.pubkeys = count == 0 and ARGV[6] or state.pubkeys .. ' ' .. ARGV[6]
  end
end
if ARGV[7] ~= '' and not state.name then set.name = ARGV[7] end
if next(set) ~= nil then commit_entity(KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], state, set) end
if outcome == 'started' then redis.call('ZADD', KEYS[4], ARGV[4], ARGV[10]) end
return outcome
