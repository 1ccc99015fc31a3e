SELECT ts, seq
FROM events_once
WHERE org_id = {org:UUID} AND session_id = {session:String} AND event_id = {event:UUID}
