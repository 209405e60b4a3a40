-- An engine is alive. ARGV: node, epoch, lease_s, its trunks ({name: up} JSON).
local node, epoch, lease_s = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local refused = fenced(node, epoch)
if refused then
  return refused
end
local now = clock()
redis.call('HSET', P .. 'engine:' .. node, 'epoch', ARGV[2], 'alive_until', seconds(now + lease_s), 'trunks', ARGV[4])
redis.call('SADD', P .. 'nodes', node)
steady(now, lease_s)
return 1
