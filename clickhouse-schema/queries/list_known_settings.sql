SELECT name FROM system.settings WHERE has({names:Array(String)}, name)
