-- How many events the log holds of entries of the stream, by session and version. Those that it refused stand in the dead
-- letters; one that was never read as events (seq 0) stands for all of its entry.
WITH
    arrayZip({orgs:Array(UUID)}, {sessions:Array(String)}) AS names,
    {versions:Array(UInt64)} AS versions
SELECT org_id, session_id, bitNot(version) AS entry_version, count() AS written
FROM events_once
WHERE (org_id, session_id) IN (SELECT name.1, name.2 FROM (SELECT arrayJoin(names) AS name))
    AND bitNot(version) IN (SELECT arrayJoin(versions))
GROUP BY org_id, session_id, version
UNION ALL
SELECT org_id, session_id, version AS entry_version, if(min(seq) = 0, 4294967296, count()) AS written
FROM dead_letters FINAL
WHERE (org_id, session_id) IN (SELECT name.1, name.2 FROM (SELECT arrayJoin(names) AS name))
    AND version IN (SELECT arrayJoin(versions))
GROUP BY org_id, session_id, version
