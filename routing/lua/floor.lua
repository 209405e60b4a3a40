-- The floor at one instant, for the console. Reads only.
-- Returns {now, calls, seats, queues, engines, {hotline, version of its published menu, …}}:
--   calls  {{id, node, '1' when its engine lives, summary JSON}, …}
--   seats  {{number, '1' when registered, {field, value, …}}, …}
--   queues {{name, seats, {{id, waited_s}, …}}, …}
--   engines {{node, trunks {name: up} JSON, menus {hotline: version} JSON, speech processes {name: fault} JSON, what is told of trunks, JSON}, …} that live
local now = clock()

local calls, engines = {}, {}
for _, node in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do
  local alive = node_alive(node, now) and '1' or '0'
  if alive == '1' then
    local fields = redis.call('HMGET', P .. 'engine:' .. node, 'trunks', 'menus', 'speech', 'lines')
    engines[#engines + 1] = {node, fields[1] or '{}', fields[2] or '{}', fields[3] or '{}', fields[4] or '{}'}
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
  queues[#queues + 1] = {name, redis.call('SCARD', P .. 'members:' .. name), waiting}
end

return {seconds(now), calls, seats, queues, engines, redis.call('HGETALL', P .. 'versions:menu')}
