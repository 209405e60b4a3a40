-- A way out that no engine watches came or went: a trunk's API. Said twice, it is told once. ARGV: node, name, '1' or '0', reason.
local node, name, state = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', P .. 'trunks:' .. node, name) == state then
  return 0
end
redis.call('HSET', P .. 'trunks:' .. node, name, state)
subject_event('trunk:' .. string.sub(name, 1, 58), 'trunk', clock(), {node = node, trunk = name, up = state == '1', reason = ARGV[4]})
return 1
