-- The sums come from sum_session.sql.
INSERT INTO session_results
(
    org_id, assessment_id, session_id, candidate_key, created_at, started_at, ended_at,
    first_ts, last_ts, first_start_ts, first_change_ts, last_test_ts, last_test_seq, tests_passed_at_end,
    event_count, prompt_count, command_count, command_failures, verifications, test_runs, change_count,
    manual_changes, decisions, attributed_changes, attributed_weight, ai_weight_doubled, unique_paths,
    duration_ms, command_fail_rate, verify_intensity, manual_edit_ratio, first_change_latency_ms,
    ai_attribution_pct, derived_at, version
)
WITH
    {candidate_key:Nullable(UUID)} AS candidate_key,
    fromUnixTimestamp64Milli({created_ms:Int64}, 'UTC') AS created_at,
    fromUnixTimestamp64Milli({ended_ms:Nullable(Int64)}, 'UTC') AS ended_at,
    coalesce(first_start_ts, first_ts, created_at) AS started_at,
    toUnixTimestamp64Milli(started_at) AS started_ms,
    toUnixTimestamp64Milli(coalesce(ended_at, last_ts, started_at)) AS end_ms,
    last_test.2 > 0 AS is_tested
SELECT
    {org:UUID}, {assessment:UUID}, {session:String}, candidate_key, created_at, started_at, ended_at,
    first_ts, last_ts, first_start_ts, first_change_ts,
    if(is_tested, last_test.1, NULL), last_test.2, if(is_tested, last_test.3, NULL),
    event_count, prompt_count, command_count, command_failures, verifications, test_runs, change_count,
    manual_changes, decisions, attributed_changes, attributed_weight, ai_weight_doubled, unique_paths,
    greatest(end_ms - started_ms, 0),
    if(command_count = 0, NULL, command_failures / command_count),
    if(change_count = 0, NULL, verifications / change_count),
    if(change_count = 0, NULL, manual_changes / change_count),
    if(first_change_ts IS NULL, NULL, greatest(toUnixTimestamp64Milli(first_change_ts) - started_ms, 0)),
    if(attributed_weight = 0, NULL, ai_weight_doubled / attributed_weight * 50),
    fromUnixTimestamp64Milli({derived_ms:Int64}, 'UTC'), {version:UInt64}
FROM ({sums})
