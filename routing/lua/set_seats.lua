-- The configured seats; what is live of them stays. ARGV: node, epoch, {number, name, queues as JSON, fixed ('1' or ''), levels as JSON {queue: level}}…
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
local now = clock()

local function leave_queues(number)
  for _, queue in ipairs(seat_queues(number)) do
    redis.call('SREM', P .. 'members:' .. queue, number)
    redis.call('ZREM', P .. 'idle:' .. queue, number)
  end
end

local configured = {}
for i = 3, #ARGV, 5 do
  local number, name, queues, fixed, levels = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  local key = seat_key(number)
  configured[number] = true
  redis.call('SADD', P .. 'seats', number)
  leave_queues(number)
  redis.call('HSET', key, 'name', name, 'queues', queues, 'fixed', fixed, 'levels', levels)
  if redis.call('HEXISTS', key, 'state') == 0 then
    redis.call('HSET', key, 'status', 'off', 'reason', '', 'state', 'idle', 'call', '', 'since', seconds(now), 'idle_since', seconds(now))
  end
  for _, queue in ipairs(cjson.decode(queues)) do
    redis.call('SADD', P .. 'queues', queue)
    redis.call('SADD', P .. 'members:' .. queue, number)
  end
  local ready, serves = index_seat(number)
  if ready then
    for _, queue in ipairs(serves) do
      wake(queue)
    end
  end
end

for _, number in ipairs(redis.call('SMEMBERS', P .. 'seats')) do
  if not configured[number] then
    leave_queues(number)
    redis.call('SREM', P .. 'seats', number)
    local state = redis.call('HGET', seat_key(number), 'state')
    if state == 'idle' or state == 'wrap-up' then
      redis.call('DEL', seat_key(number))
      redis.call('ZREM', P .. 'due', 'until:' .. number, 'aside:' .. number)
    else
      -- Its call goes on; the seat is forgotten when it is freed.
      redis.call('HSET', seat_key(number), 'queues', '[]')
    end
  end
end
return 1
