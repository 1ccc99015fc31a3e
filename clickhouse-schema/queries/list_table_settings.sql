SELECT name, engine_full FROM system.tables WHERE database = {database:String}
