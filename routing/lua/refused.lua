-- A caller was turned away before the answer. ARGV: number, what is known of the call as JSON.
subject_event('number:' .. ARGV[1], 'refused', clock(), cjson.decode(ARGV[2]))
return 1
