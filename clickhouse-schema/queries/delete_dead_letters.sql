-- Dead letters of one session that were written as events after all.
ALTER TABLE dead_letters
DELETE WHERE org_id = {org:UUID} AND session_id = {session:String} AND event_id IN {events:Array(UUID)}
SETTINGS mutations_sync = 2
