-- Events that the log refused for good, with the reason, for people to look at.
CREATE TABLE IF NOT EXISTS {database}.dead_letters {on_cluster}
(
    org_id UUID,
    session_id String,
    event_id UUID,
    received_at DateTime64(3, 'UTC'),
    reason String,
    raw String CODEC(ZSTD(3))
)
ENGINE = {engine_prefix}ReplacingMergeTree
ORDER BY (org_id, session_id, event_id, received_at)
SETTINGS {table_settings};
