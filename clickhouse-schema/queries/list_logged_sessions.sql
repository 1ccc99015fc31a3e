-- The sessions of an organisation that have events, after one of them, each with its time of creation, which is the same
-- for all of its events. Read in the order of the primary key, so that it ends at the limit.
SELECT session_id, session_created_at
FROM events_once
WHERE org_id = {org:UUID} AND session_id > {after:String}
ORDER BY session_id
LIMIT 1 BY session_id
LIMIT {limit:UInt64}
