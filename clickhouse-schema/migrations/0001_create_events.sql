-- The event log. One row per event: of repeats, the earliest arrival stays, because its `version` is the greatest.
-- The partition is the month of the session's creation, by the server's clock: the same for every repeat of an event,
-- and out of reach of the times that clients send. A session has hundreds of events and nearly every read is of one
-- session: small granules read an eighth of the bytes that the default would.
CREATE TABLE IF NOT EXISTS {database}.events {on_cluster}
(
    org_id UUID,
    session_id String,
    event_id UUID,
    seq UInt64,
    ts DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    session_created_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    kind LowCardinality(String),
    channel LowCardinality(String),
    integration LowCardinality(String),
    emitter LowCardinality(String),
    author LowCardinality(String),
    attribution LowCardinality(String),
    confidence Float64,
    observability LowCardinality(String),
    -- Empty where the event is no command that verifies.
    command_class LowCardinality(String),
    exit_code Nullable(Int64),
    -- Empty where there is none.
    path String,
    lines_added UInt32,
    lines_removed UInt32,
    test_verdict Nullable(Bool),
    sig_verified Nullable(Bool),
    version UInt64,
    -- The bytes as they were received.
    raw String CODEC(ZSTD(3))
)
ENGINE = {engine_prefix}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(session_created_at)
ORDER BY (org_id, session_id, event_id)
SETTINGS index_granularity = 1024, {table_settings};

-- The only way to read events: repeats that are not merged yet are collapsed.
CREATE VIEW IF NOT EXISTS {database}.events_once {on_cluster} AS
SELECT * FROM {database}.events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 0;
