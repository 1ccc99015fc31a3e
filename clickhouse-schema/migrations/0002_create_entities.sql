-- Every state of every entity (organisations, keys, assessments, sessions …): the greatest version is the newest.
CREATE TABLE IF NOT EXISTS {database}.entities {on_cluster}
(
    org_id UUID,
    kind LowCardinality(String),
    id String,
    version UInt64,
    deleted Bool,
    fields Map(String, String) CODEC(ZSTD(3)),
    written_at DateTime64(3, 'UTC')
)
ENGINE = {engine_prefix}ReplacingMergeTree(version)
ORDER BY (org_id, kind, id)
SETTINGS {table_settings};
