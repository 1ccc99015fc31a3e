SELECT raw, seq, received_at, sig_verified
FROM events_once
WHERE org_id = {org:UUID} AND session_id = {session:String} AND seq > {after:UInt64}
ORDER BY seq
LIMIT {limit:UInt64}
