-- As delete_session_results.sql: out of the parts themselves.
ALTER TABLE artifacts
DELETE WHERE org_id = {org:UUID} AND session_id = {session:String}
SETTINGS mutations_sync = 2
