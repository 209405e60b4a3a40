-- A queue as it is now, and a call's place in it. Reads only. ARGV: node, epoch, queue, call id ('' for none).
-- Returns {place from 1 or 0, '1' where the call was turned away, callers waiting, seats ready, expected wait in s or ''}.
-- Expected: none where more seats are ready than callers are before; else as many handling times as callers must first be served,
-- shared by the seats in service. Nobody knows where fewer than 3 talks were heard of lately, or no seat is in service.
local MIN_TALKS = 3
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
local queue, id = ARGV[3], ARGV[4]
local now = clock()
local rank = redis.call('ZRANK', P .. 'queue:' .. queue, id)
local waiting = redis.call('ZCARD', P .. 'queue:' .. queue)
local ready = ready_seats(queue, now)
local serving = 0
for _, number in ipairs(redis.call('SMEMBERS', P .. 'members:' .. queue)) do
  if redis.call('HGET', seat_key(number), 'status') == 'ready' and registered(number, now) then
    serving = serving + 1
  end
end
local before = rank or waiting
local expected = ''
if ready > before then
  expected = '0'
else
  local pace = redis.call('HMGET', P .. 'pace:' .. queue, 'handling_s', 'talks')
  if serving > 0 and tonumber(pace[2] or '0') >= MIN_TALKS then
    expected = seconds((before + 1 - ready) * tonumber(pace[1]) / serving)
  end
end
local away = redis.call('HGET', call_key(id), 'turned_away') == queue and '1' or '0'
return {rank and rank + 1 or 0, away, waiting, ready, expected}
