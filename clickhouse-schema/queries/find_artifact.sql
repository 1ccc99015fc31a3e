-- The newest artifact of one kind of a session.
SELECT kind, derivation_v, last_seq, ended_at, data, version
FROM artifacts FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String} AND kind = {kind:String}
