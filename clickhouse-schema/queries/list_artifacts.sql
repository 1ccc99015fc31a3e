-- The newest artifacts of a session that rules derive. A kind that newer rules do not have any more is of an older version;
-- what a language model wrote comes and goes by itself.
SELECT kind, derivation_v, last_seq, ended_at, data, version
FROM artifacts FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String} AND kind != {apart:String}
ORDER BY version DESC, kind
