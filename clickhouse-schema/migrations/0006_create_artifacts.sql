-- What is derived of a session once it has ended: of the events up to `last_seq`, as of its end, by the rules of
-- `derivation_v`. One insert holds all of a session. Its newest version counts.
CREATE TABLE IF NOT EXISTS {database}.artifacts {on_cluster}
(
    org_id UUID,
    session_id String,
    kind LowCardinality(String),
    derivation_v UInt32,
    last_seq UInt64,
    ended_at DateTime64(3, 'UTC'),
    data String CODEC(ZSTD(3)),
    version UInt64
)
ENGINE = {engine_prefix}ReplacingMergeTree(version)
ORDER BY (org_id, session_id, kind)
SETTINGS {table_settings};
