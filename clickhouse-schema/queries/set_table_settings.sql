-- Run for tables whose settings differ, so that a changed configuration reaches those that are there already.
ALTER TABLE {database}.{table} {on_cluster} MODIFY SETTING {kept_settings};
