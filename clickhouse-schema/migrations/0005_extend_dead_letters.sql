-- What it takes to write a dead letter again as the event that it was. Zeros where that could not be read.
ALTER TABLE {database}.dead_letters {on_cluster}
    ADD COLUMN IF NOT EXISTS seq UInt64,
    ADD COLUMN IF NOT EXISTS session_created_at DateTime64(3, 'UTC'),
    ADD COLUMN IF NOT EXISTS sig_verified Nullable(Bool),
    ADD COLUMN IF NOT EXISTS version UInt64;
