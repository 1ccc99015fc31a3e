-- The newest states of entities, whosever they are.
SELECT org_id, kind, id, max(version) AS newest
FROM entities
WHERE (org_id, kind, id) IN (
    SELECT name.1, name.2, name.3
    FROM (SELECT arrayJoin(arrayZip({orgs:Array(UUID)}, {kinds:Array(String)}, {ids:Array(String)})) AS name)
)
GROUP BY org_id, kind, id
