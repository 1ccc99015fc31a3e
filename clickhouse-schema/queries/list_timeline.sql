SELECT raw, seq, received_at, sig_verified
FROM events_once
WHERE org_id = {org:UUID} AND session_id = {session:String}
    AND ts >= fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC')
    AND ts <= fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC')
    AND (ts, seq) > (fromUnixTimestamp64Milli({after_ms:Int64}, 'UTC'), {after_seq:UInt64})
    AND (empty({kinds:Array(String)}) OR has({kinds:Array(String)}, kind))
ORDER BY ts, seq
LIMIT {limit:UInt64}
