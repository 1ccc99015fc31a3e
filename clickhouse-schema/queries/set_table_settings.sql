-- Run with every migration, so that a changed configuration reaches tables that are there already.
ALTER TABLE {database}.{table} {on_cluster} MODIFY SETTING {kept_settings};
