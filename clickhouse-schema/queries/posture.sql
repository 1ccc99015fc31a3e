SELECT
    version() AS version,
    toUnixTimestamp64Milli(now64(3)) AS clock_ms,
    assumeNotNull((SELECT min(free_space) FROM system.disks WHERE total_space > 0)) AS free_bytes,
    assumeNotNull((
        SELECT count() FROM system.mutations
        WHERE database = {database:String} AND NOT is_done AND latest_fail_reason != ''
    )) AS failing_mutations,
    assumeNotNull((
        SELECT count() FROM system.detached_parts
        WHERE database = {database:String} AND startsWith(ifNull(reason, ''), 'broken')
    )) AS broken_parts
