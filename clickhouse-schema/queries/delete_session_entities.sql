-- The states of a session's record, submission, uploads and scores (its tombstone stays), out of the parts themselves. No
-- lightweight DELETE before it: a mutation passes over parts in which every row that it means is masked already, and the
-- bytes would stay.
ALTER TABLE entities
DELETE WHERE org_id = {org:UUID} AND kind IN ('session', 'submission', 'uploads', 'scores') AND id = {session:String}
SETTINGS mutations_sync = 2
