-- The events of one session, out of the parts themselves. No lightweight DELETE before it: a
-- mutation passes over parts in which every row that it means is masked already, and the bytes would stay.
ALTER TABLE events
DELETE WHERE org_id = {org:UUID} AND session_id = {session:String}
SETTINGS mutations_sync = 2
