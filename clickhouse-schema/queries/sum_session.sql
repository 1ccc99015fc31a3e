-- The sums of one session, as `domain::Contribution` defines them. A last test at seq 0 stands for none: seq is from 1 on.
SELECT
    count() AS event_count,
    countIf(kind = 'prompt') AS prompt_count,
    countIf(kind = 'command') AS command_count,
    countIf(kind = 'command' AND exit_code != 0) AS command_failures,
    countIf(kind IN ('test_run', 'build_run') OR (kind = 'command' AND command_class != '')) AS verifications,
    countIf(kind = 'test_run' OR (kind = 'command' AND command_class = 'test')) AS test_runs,
    countIf(is_change) AS change_count,
    countIf(is_change AND (attribution = 'likely_human' OR (attribution = 'unknown' AND author = 'human')))
        AS manual_changes,
    countIf(kind = 'decision_event') AS decisions,
    countIf(is_attributed) AS attributed_changes,
    sumIf(weight, is_attributed) AS attributed_weight,
    sumIf(weight * share_doubled, is_attributed) AS ai_weight_doubled,
    uniqExactIf(path, is_change AND path != '') AS unique_paths,
    minOrNull(ts) AS first_ts,
    maxOrNull(ts) AS last_ts,
    minOrNullIf(ts, kind = 'session_start') AS first_start_ts,
    minOrNullIf(ts, is_change) AS first_change_ts,
    maxIf((ts, seq, assumeNotNull(test_verdict)), isNotNull(test_verdict)) AS last_test
FROM
(
    SELECT
        ts, seq, kind, exit_code, command_class, attribution, author, path, test_verdict,
        kind IN ('file_diff', 'file_create', 'file_delete') AS is_change,
        is_change AND attribution IN ('likely_ai', 'ai_revised_by_human', 'mixed', 'likely_human') AS is_attributed,
        greatest(toUInt64(lines_added) + toUInt64(lines_removed), 1) AS weight,
        multiIf(attribution = 'likely_ai', 2, attribution IN ('ai_revised_by_human', 'mixed'), 1, 0) AS share_doubled
    FROM events_once
    WHERE org_id = {org:UUID} AND session_id = {session:String}
)
