-- Ends wrap-ups, set-asides and lapsed reservations. ARGV: node, epoch, lease_s. Returns seconds till the next, or nil.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
local now = clock()
for _, member in ipairs(redis.call('ZRANGEBYSCORE', P .. 'due', '-inf', seconds(now), 'LIMIT', 0, 500)) do
  local kind, number = string.match(member, '^(%a+):(.+)$')
  local state = redis.call('HGET', seat_key(number), 'state')
  if kind == 'aside' then
    redis.call('ZREM', P .. 'due', member)
    redis.call('HDEL', seat_key(number), 'aside_until', 'aside_reason')
    if state then
      seat_event(number, 'seat_state', now, {state = state, reason = 'set_aside_over'})
      local ready, queues = index_seat(number)
      if ready then
        for _, queue in ipairs(queues) do
          wake(queue)
        end
      end
    end
  elseif state == 'wrap-up' then
    free_seat(number, now, 0, 'wrap_up_over')
  elseif state == 'reserved' then
    if steady(now, tonumber(ARGV[3])) then
      undo_claim(number, now)
    end
  else
    redis.call('ZREM', P .. 'due', member)
  end
end
local next = redis.call('ZRANGE', P .. 'due', 0, 0, 'WITHSCORES')
if not next[1] then
  return nil
end
local wait_s = tonumber(next[2]) - now
-- What could not be ended yet (Redis has just come up, or there was too much) is looked at again in a second.
return seconds(wait_s > 0 and wait_s or 1)
