-- What the view `events_once` shows, without its cost: with it and with conditions that exclude nothing, a page takes twice as long.
SELECT raw, seq, received_at, sig_verified
FROM events FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String} {conditions}
ORDER BY ts, seq
LIMIT {limit:UInt64}
SETTINGS do_not_merge_across_partitions_select_final = 0
