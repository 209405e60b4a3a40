-- One step of a call: its state, its events, its queue and its seat, all or nothing.
-- ARGV: node, epoch, at ('' is now; a replay gives the time of the step), call id, version, state ('' ends the call), summary,
--   number of events, {type, data}…, {op, a, b, c, d}…
-- Returns 1, or 0 when this version (or a later one) is done already.
local node, epoch, id, version = ARGV[1], tonumber(ARGV[2]), ARGV[4], tonumber(ARGV[5])
local refused = fenced(node, epoch)
if refused then
  return refused
end
local key = call_key(id)
local stored = redis.call('HGET', key, 'version')
local new = not stored
if new then
  stored = redis.call('GET', P .. 'ended:' .. id)
end
if stored and version <= tonumber(stored) then
  return 0
end

local now = ARGV[3] == '' and clock() or tonumber(ARGV[3])
local state, summary, events = ARGV[6], ARGV[7], tonumber(ARGV[8])
if state ~= '' then
  redis.call('HSET', key, 'node', node, 'version', ARGV[5], 'state', state, 'saved_at', seconds(now), 'summary', summary)
  if new then
    redis.call('SADD', P .. 'calls:' .. node, id)
  end
end

local TRAIL = {menu = true, key = true, said = true, entered = true, misheard = true, queued = true}

-- Numbered by version, so that a replay gives the same numbers even where Redis has forgotten the version: SQL keeps one of each.
for i = 1, events do
  local seq = string.format('%.0f', version * 1000 + i)
  local type, data = ARGV[7 + 2 * i], ARGV[8 + 2 * i]
  emit(id, seq, type, now, data)
  if TRAIL[type] then
    local trail = P .. 'trail:' .. id
    if redis.call('RPUSH', trail, '{"type":"' .. type .. '","at":' .. seconds(now) .. ',"data":' .. data .. '}') > 40 then
      redis.call('LTRIM', trail, -40, -1)
    end
    redis.call('EXPIRE', trail, 43200)
  end
end

local ops = {}

function ops.enqueue(queue, priority, max_waiting)
  local waits_in = redis.call('HGET', key, 'queue')
  if waits_in and waits_in ~= queue then
    redis.call('ZREM', P .. 'queue:' .. waits_in, id)
  elseif waits_in and redis.call('ZSCORE', P .. 'queue:' .. queue, id) then
    return
  end
  -- A step that waited in the journal is let in: its caller has heard music since.
  local most = ARGV[3] == '' and tonumber(max_waiting) or nil
  if most and redis.call('ZCARD', P .. 'queue:' .. queue) - ready_seats(queue, now) >= most then
    redis.call('HDEL', key, 'queue', 'place', 'queued_at')
    redis.call('HSET', key, 'turned_away', queue)
    return
  end
  redis.call('HDEL', key, 'turned_away')
  -- Priority outweighs any wait; 1e10 s are 317 years.
  local place = seconds(now - (tonumber(priority) or 0) * 1e10)
  redis.call('HSET', key, 'queue', queue, 'place', place, 'queued_at', seconds(now))
  put_in_queue(id, queue, place)
end

function ops.requeue(queue, priority)
  local kept = redis.call('HMGET', key, 'queue', 'place')
  if kept[1] == queue and kept[2] then
    put_in_queue(id, queue, kept[2])
  else
    ops.enqueue(queue, priority)
  end
end

function ops.dequeue(queue)
  redis.call('ZREM', P .. 'queue:' .. queue, id)
  if redis.call('HGET', key, 'queue') == queue then
    redis.call('HDEL', key, 'queue', 'place', 'queued_at')
  end
end

function ops.seat(seat, seat_state)
  local held = redis.call('HMGET', seat_key(seat), 'call', 'state')
  if held[1] ~= id and held[2] ~= 'idle' then
    return
  end
  if held[1] ~= id then
    -- The reservation lapsed while this step waited in the journal: the caller was put back in line, but its telephone call is real.
    local queue = redis.call('HGET', key, 'queue')
    if queue then
      redis.call('ZREM', P .. 'queue:' .. queue, id)
    end
  end
  hold_seat(seat, seat_state, id, 'name', node, ARGV[2], now, nil)
end

function ops.free(seat, wrap_up_s, set_aside_s, reason)
  local held = redis.call('HMGET', seat_key(seat), 'call', 'state', 'since')
  if held[1] ~= id then
    return
  end
  local queue = redis.call('HGET', key, 'queue')
  if queue and held[2] == 'talking' then
    keep_pace(queue, math.max(now - held[3], 0) + tonumber(wrap_up_s))
  end
  local aside_s = tonumber(set_aside_s)
  if aside_s > 0 then
    redis.call('HSET', seat_key(seat), 'aside_until', seconds(now + aside_s), 'aside_reason', reason)
    redis.call('ZADD', P .. 'due', seconds(now + aside_s), 'aside:' .. seat)
  end
  free_seat(seat, now, tonumber(wrap_up_s), reason, aside_s > 0 and aside_s or nil)
end

function ops.dialling(step, outcome, reason, talk_s)
  local told = {}
  if step == 'over' then
    told = {outcome = outcome, reason = reason, talk_s = talk_s}
  end
  step_dialling(id, step, now, told)
end

for i = 9 + 2 * events, #ARGV, 5 do
  ops[ARGV[i]](ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
end

if state == '' then
  end_call(id, node, ARGV[5], now)
end
return 1
