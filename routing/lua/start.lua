-- A new engine of a node. ARGV: node, lease_s. Returns its epoch, as text.
-- The epoch starts at the clock, so that it goes on rising after Redis has lost its data: media remembers the highest it has seen.
local node, lease_s = ARGV[1], tonumber(ARGV[2])
local now = clock()
local key = P .. 'engine:' .. node
local epoch = math.max(tonumber(redis.call('HGET', key, 'epoch') or '0') + 1, math.floor(now))
local text = string.format('%.0f', epoch)
redis.call('HSET', key, 'epoch', text, 'alive_until', seconds(now + lease_s))
redis.call('SADD', P .. 'nodes', node)
steady(now, lease_s)
return text
