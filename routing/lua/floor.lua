-- The floor at one instant, for the console. Reads only.
-- Returns {now, calls, seats, queues, trunks}:
--   calls  {{id, node, '1' when its engine lives, summary JSON}, …}
--   seats  {{number, '1' when registered, {field, value, …}}, …}
--   queues {{name, seats, ready seats, {{id, waited_s}, …}}, …}
--   trunks {{node, {name: up} JSON}, …} of the engines that live
local now = clock()

local calls, trunks = {}, {}
for _, node in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do
  local alive = node_alive(node, now) and '1' or '0'
  if alive == '1' then
    trunks[#trunks + 1] = {node, redis.call('HGET', P .. 'engine:' .. node, 'trunks') or '{}'}
  end
  for _, id in ipairs(redis.call('SMEMBERS', P .. 'calls:' .. node)) do
    calls[#calls + 1] = {id, node, alive, redis.call('HGET', P .. 'call:' .. id, 'summary') or '{}'}
  end
end

local seats = {}
for _, number in ipairs(redis.call('SMEMBERS', P .. 'seats')) do
  local registered = registered(number, now) and '1' or '0'
  seats[#seats + 1] = {number, registered, redis.call('HGETALL', seat_key(number))}
end

local queues = {}
for _, name in ipairs(redis.call('SMEMBERS', P .. 'queues')) do
  local waiting = {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'queue:' .. name, 0, -1)) do
    local since = redis.call('HGET', P .. 'call:' .. id, 'queued_at') or now
    waiting[#waiting + 1] = {id, seconds(now - since)}
  end
  queues[#queues + 1] = {name, redis.call('SCARD', P .. 'members:' .. name), redis.call('ZCARD', P .. 'idle:' .. name), waiting}
end

return {seconds(now), calls, seats, queues, trunks}
