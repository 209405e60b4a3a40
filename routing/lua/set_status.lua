-- The human's wish. ARGV: node, epoch, seat, status, reason. Returns 1, or 0 when there is no such seat.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
local number, status, reason = ARGV[3], ARGV[4], ARGV[5]
local key = seat_key(number)
if redis.call('SISMEMBER', P .. 'seats', number) == 0 then
  return 0
end
local now = clock()
local was = redis.call('HMGET', key, 'status', 'reason')
local before = was[1]
redis.call('HSET', key, 'status', status, 'reason', reason)
if before ~= status or was[2] ~= reason then
  redis.call('HSET', key, 'status_since', seconds(now))
end
if status == 'ready' then
  redis.call('HDEL', key, 'aside_until', 'aside_reason')
  redis.call('ZREM', P .. 'due', 'aside:' .. number)
  if before ~= 'ready' then
    redis.call('HSET', key, 'idle_since', seconds(now))
  end
end
-- The queues are for who later asks why a caller waited: whom it could have reached.
seat_event(number, 'seat_status', now, {status = status, reason = reason, queues = seat_queues(number)})
local ready, queues = index_seat(number)
if ready then
  for _, queue in ipairs(queues) do
    wake(queue)
  end
end
return 1
