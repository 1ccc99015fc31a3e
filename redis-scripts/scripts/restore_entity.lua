-- restore_entity: sets an entity as the log holds it, unless a newer state of it is there. Writes no stream entry.
-- KEYS 1 entity, 2 the tombstone of its session, where there may be one
-- ARGV field, value …, `v` among them
-- Reply 1 done, 0 this state or a newer one is there, -1 its session was erased (nothing written)
assert((#KEYS == 1 or #KEYS == 2) and #ARGV >= 2 and #ARGV % 2 == 0, 'restore_entity: arity')
if KEYS[2] and redis.call('EXISTS', KEYS[2]) == 1 then return -1 end
local version
for i = 1, #ARGV, 2 do
  if ARGV[i] == 'v' then version = tonumber(ARGV[i + 1]) end
end
assert(version, 'restore_entity: no version')
local known = tonumber(redis.call('HGET', KEYS[1], 'v') or '0')
if known >= version then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
