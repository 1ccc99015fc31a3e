SELECT session_id, event_id, received_at, reason, raw, seq, session_created_at, sig_verified, version
FROM dead_letters FINAL
WHERE org_id = {org:UUID} AND (empty({events:Array(UUID)}) OR event_id IN {events:Array(UUID)})
ORDER BY received_at, session_id, event_id
LIMIT {limit:UInt64}
