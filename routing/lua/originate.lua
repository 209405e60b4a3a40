-- Have a seat call somebody: the seat is reserved for it, and an engine asked. ARGV: node, epoch, call id, seat, number, callback_id, by,
-- asked_s, the request as JSON. Returns nil, or {why, the call that the seat has} where it can't be.
local id, number, asked_s = ARGV[3], ARGV[4], tonumber(ARGV[8])
if redis.call('SISMEMBER', P .. 'seats', number) == 0 then
  return {'no_such_seat', ''}
end
local now = clock()
local fields = redis.call('HMGET', seat_key(number), 'state', 'call', 'until', 'dialling')
if fields[1] == 'reserved' and tonumber(fields[3] or '0') <= now and is_asked(fields[2]) and steady(now, asked_s) then
  -- No engine has taken it in time, nor looked since.
  undo_claim(number, now)
  fields = redis.call('HMGET', seat_key(number), 'state', 'call', 'until', 'dialling')
end
if fields[4] and redis.call('HGET', dialling_key(fields[4]), 'step') ~= 'over' and redis.call('EXISTS', dialling_key(fields[4])) == 1 then
  return {'dialling', fields[4]}
end
if fields[1] ~= 'idle' and fields[1] ~= 'wrap-up' then
  return {'busy', fields[2] or ''}
end
redis.call('HSET', seat_key(number), 'dialling', id)
redis.call('HSET', dialling_key(id), 'seat', number, 'number', ARGV[5], 'callback_id', ARGV[6], 'by', ARGV[7], 'at', seconds(now))
redis.call('EXPIRE', dialling_key(id), DIALLING_KEPT_S)
hold_seat(number, 'reserved', id, 'name', '', '0', now, now + asked_s)
step_dialling(id, 'asked', now, {})
redis.call('RPUSH', P .. 'requests', ARGV[9])
redis.call('PUBLISH', P .. 'requested', id)
return nil
