-- An engine is alive. ARGV: node, epoch, lease_s, its trunks ({name: up} JSON), its menus ({hotline: version} JSON), why those
-- trunks are down that are ({name: reason} JSON), its speech processes ({name: "" or why it is down} JSON), what people are told
-- of its trunks (JSON).
-- A trunk or process that was not so before is an event, whichever engine of the node told it then: said twice, it is told once.
local node, epoch, lease_s = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local refused = fenced(node, epoch)
if refused then
  return refused
end
local now = clock()
redis.call('HSET', P .. 'engine:' .. node, 'epoch', ARGV[2], 'alive_until', seconds(now + lease_s))
redis.call('HSET', P .. 'engine:' .. node, 'trunks', ARGV[4], 'menus', ARGV[5], 'speech', ARGV[7], 'lines', ARGV[8])
redis.call('SADD', P .. 'nodes', node)
steady(now, lease_s)
local reasons = cjson.decode(ARGV[6])
for name, up in pairs(cjson.decode(ARGV[4])) do
  local state = up and '1' or '0'
  if redis.call('HGET', P .. 'trunks:' .. node, name) ~= state then
    redis.call('HSET', P .. 'trunks:' .. node, name, state)
    local data = {node = node, trunk = name, up = up, reason = reasons[name] or ''}
    subject_event('trunk:' .. string.sub(name, 1, 58), 'trunk', now, data)
  end
end
for name, reason in pairs(cjson.decode(ARGV[7])) do
  local state = reason == '' and '1' or '0'
  if (redis.call('HGET', P .. 'speech:' .. node, name) or '1') ~= state then
    redis.call('HSET', P .. 'speech:' .. node, name, state)
    local data = {node = node, process = name, up = reason == '', reason = reason}
    subject_event('speech:' .. string.sub(node .. ':' .. name, 1, 57), 'speech', now, data)
  end
end
return 1
