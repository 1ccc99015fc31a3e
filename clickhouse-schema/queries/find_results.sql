SELECT
    assessment_id, candidate_key, created_at, started_at, ended_at,
    first_ts, last_ts, first_start_ts, first_change_ts, last_test_ts, last_test_seq, tests_passed_at_end,
    event_count, prompt_count, command_count, command_failures, verifications, test_runs, change_count,
    manual_changes, decisions, attributed_changes, attributed_weight, ai_weight_doubled, unique_paths,
    duration_ms, command_fail_rate, verify_intensity, manual_edit_ratio, first_change_latency_ms,
    ai_attribution_pct, derived_at, version
FROM session_results FINAL
WHERE org_id = {org:UUID} AND session_id = {session:String}
ORDER BY version DESC
LIMIT 1
