CREATE TABLE IF NOT EXISTS {database}.schema_migrations {on_cluster}
(
    number UInt32,
    name String,
    checksum String,
    applied_at DateTime64(3, 'UTC')
)
ENGINE = {engine_prefix}ReplacingMergeTree
ORDER BY number
SETTINGS {table_settings};
