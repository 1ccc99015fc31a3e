-- What a session came to: derived from the event log as a whole, never added up from inserts. Values are unrounded.
CREATE TABLE IF NOT EXISTS {database}.session_results {on_cluster}
(
    org_id UUID,
    -- All zeros for a session without an assessment.
    assessment_id UUID,
    session_id String,
    candidate_key Nullable(UUID),
    created_at DateTime64(3, 'UTC'),
    started_at DateTime64(3, 'UTC'),
    ended_at Nullable(DateTime64(3, 'UTC')),
    first_ts Nullable(DateTime64(3, 'UTC')),
    last_ts Nullable(DateTime64(3, 'UTC')),
    first_start_ts Nullable(DateTime64(3, 'UTC')),
    first_change_ts Nullable(DateTime64(3, 'UTC')),
    last_test_ts Nullable(DateTime64(3, 'UTC')),
    last_test_seq UInt64,
    tests_passed_at_end Nullable(Bool),
    event_count UInt64,
    prompt_count UInt64,
    command_count UInt64,
    command_failures UInt64,
    verifications UInt64,
    test_runs UInt64,
    change_count UInt64,
    manual_changes UInt64,
    decisions UInt64,
    attributed_changes UInt64,
    attributed_weight UInt64,
    ai_weight_doubled UInt64,
    unique_paths UInt64,
    duration_ms Int64,
    command_fail_rate Nullable(Float64),
    verify_intensity Nullable(Float64),
    manual_edit_ratio Nullable(Float64),
    first_change_latency_ms Nullable(Int64),
    ai_attribution_pct Nullable(Float64),
    derived_at DateTime64(3, 'UTC'),
    version UInt64
)
ENGINE = {engine_prefix}ReplacingMergeTree(version)
ORDER BY (org_id, assessment_id, session_id)
SETTINGS {table_settings};
