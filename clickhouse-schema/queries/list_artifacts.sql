-- The newest artifacts of a session. A kind that newer rules do not have any more is of an older version.
SELECT kind, derivation_v, last_seq, ended_at, data, version
FROM artifacts FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String}
ORDER BY version DESC, kind
