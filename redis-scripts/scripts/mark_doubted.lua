-- mark_doubted: notes that ClickHouse may lack something that it confirmed, until the stream is written once more.
-- KEYS 1 stream, 2 mark
-- ARGV 1 how long the mark stays when nobody writes the stream once more, s
-- Reply 1
assert(#KEYS == 2 and #ARGV == 1, 'mark_doubted: arity')
-- "+": it is not known yet up to which entry; rewind_log says.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SET', KEYS[2], '+', 'EX', ARGV[1]) end
return 1
