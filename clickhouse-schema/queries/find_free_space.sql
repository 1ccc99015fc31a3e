SELECT min(free_space) FROM system.disks
