SELECT number, checksum FROM schema_migrations FINAL ORDER BY number
