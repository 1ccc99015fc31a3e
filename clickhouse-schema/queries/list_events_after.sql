-- What the view `events_once` shows, without its cost.
SELECT raw, seq, received_at, sig_verified
FROM events FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String} AND seq > {after:UInt64}
ORDER BY seq
LIMIT {limit:UInt64}
SETTINGS do_not_merge_across_partitions_select_final = 0
