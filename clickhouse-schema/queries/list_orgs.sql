-- The one question that names no organisation: which there are. What is asked next is asked of one of them.
SELECT DISTINCT org_id
FROM entities
WHERE org_id > {after:UUID}
ORDER BY org_id
LIMIT {limit:UInt64}
