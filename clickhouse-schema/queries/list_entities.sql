-- The newest states of an organisation's entities by kind and id, after one of them. The first condition on the kind is
-- there for the primary key.
SELECT kind, id, version, deleted, fields, written_at
FROM entities FINAL
WHERE org_id = {org:UUID}
    AND kind >= {kind:String}
    AND (kind > {kind:String} OR id > {id:String})
ORDER BY kind, id
LIMIT {limit:UInt64}
