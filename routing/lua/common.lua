-- What every script shares: names of keys, the clock, the fence, seats and events. Put before each script's own text.
--
-- Keys, all under one hash tag, so that they live on one node of a cluster:
--   engine:<node>      hash   epoch, alive_until
--   nodes              set    engines that may hold calls
--   calls:<node>       set    live calls of an engine
--   call:<id>          hash   node, version, state, saved_at, summary; queue, place, queued_at while in a queue;
--                             holds:<seat> for each seat it has: "queue" (claimed there) or "name" (asked for)
--   ended:<id>         string version of a call that is over; kept for an hour against late replays
--   queues             set    names of queues
--   queue:<name>       zset   waiting calls by place (lower is first)
--   seats              set    numbers of configured seats
--   seat:<number>      hash   name, queues, fixed ("1": dialled without being registered); status, reason; state, call, node, epoch, since; idle_since; until; aside_until, aside_reason
--   members:<queue>    set    seats that serve a queue
--   idle:<queue>       zset   ready and idle seats of a queue by idle_since
--   registered         zset   users by the time their last contact expires; bindings:<user> hash: the contacts
--   due                zset   "until:<seat>" and "aside:<seat>" by the time at which they are over
--   run                hash   id, since: the Redis process we know, and since when
--   documents:<kind>   hash   name to the version published; document:<kind>:<name> hash: version to text
--   seq                hash   last event number of each seat and of each number with events of its own
--   bars               hash   "address" and "number" to a count that rises with each change of bars:<kind>
--   bars:<kind>        hash   banned addresses, blocked numbers: to the time of the end ("inf" for never) and JSON {reason, by, at}
--   requests           list   calls that seats are to make, as JSON {call_id, seat, number, trunk, callback_id, at}
--   events             stream subject, seq, type, at, data
-- Channels: wake and wake:<node> (a queue in which something may be matched), published ("<kind>:<name>"),
-- requested (there is something in requests)
local P = '{hotline}:'
local EVENTS = P .. 'events'

-- Seconds since the epoch with microseconds: numbers must not pass through Lua's 14 digits of tostring().
local function seconds(number)
  return string.format('%.6f', number)
end

local function clock()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

-- An error reply when a newer engine of this node exists; epoch 0 is a caller that is no engine.
local function fenced(node, epoch)
  if epoch == 0 then
    return nil
  end
  local newest = tonumber(redis.call('HGET', P .. 'engine:' .. node, 'epoch') or '0')
  if newest > epoch then
    return redis.error_reply('FENCED engine ' .. node .. ' has epoch ' .. string.format('%.0f', newest))
  end
  return nil
end

local function node_alive(node, now)
  return tonumber(redis.call('HGET', P .. 'engine:' .. node, 'alive_until') or '0') > now
end

local function call_key(id)
  return P .. 'call:' .. id
end

local function seat_key(number)
  return P .. 'seat:' .. number
end

local function registered(user, now)
  if redis.call('HGET', seat_key(user), 'fixed') == '1' then
    return true
  end
  return tonumber(redis.call('ZSCORE', P .. 'registered', user) or '0') > now
end

-- There may be a match: somebody waits, and somebody has come or is free again.
local function wake(queue)
  if redis.call('ZCARD', P .. 'queue:' .. queue) > 0 then
    redis.call('PUBLISH', P .. 'wake', queue)
  end
end

local function emit(subject, seq, type, at, data)
  redis.call('XADD', EVENTS, '*', 'subject', subject, 'seq', seq, 'type', type, 'at', seconds(at), 'data', data)
end

-- What is no call has no versions to number its events by. The count starts at the clock, so that it goes on rising after Redis has
-- lost its data while SQL has not; less 1.7e9 it stays within 31 bits until 2091.
local function subject_event(subject, type, at, data)
  local seq = tonumber(redis.call('HGET', P .. 'seq', subject) or '0') + 1
  local floor = math.floor(at - 1700000000)
  if seq < floor then
    seq = floor
  end
  local text = string.format('%.0f', seq)
  redis.call('HSET', P .. 'seq', subject, text)
  emit(subject, text, type, at, cjson.encode(data))
end

local function seat_event(number, type, at, data)
  subject_event('seat:' .. number, type, at, data)
end

local function seat_queues(number)
  local queues = redis.call('HGET', seat_key(number), 'queues')
  return queues and cjson.decode(queues) or {}
end

-- Put the seat into the idle lists of its queues, or take it out, as its fields say now.
local function index_seat(number)
  local fields = redis.call('HMGET', seat_key(number), 'status', 'state', 'idle_since', 'queues')
  local ready = fields[1] == 'ready' and fields[2] == 'idle'
  local queues = fields[4] and cjson.decode(fields[4]) or {}
  for _, queue in ipairs(queues) do
    if ready then
      redis.call('ZADD', P .. 'idle:' .. queue, fields[3], number)
    else
      redis.call('ZREM', P .. 'idle:' .. queue, number)
    end
  end
  return ready, queues
end

-- The seat is free of its call: idle, or wrapping up first. Wakes its queues when it can take the next one.
local function free_seat(number, now, wrap_up_s, reason)
  local key = seat_key(number)
  local call = redis.call('HGET', key, 'call') or ''
  if call ~= '' then
    redis.call('HDEL', call_key(call), 'holds:' .. number)
  end
  redis.call('HDEL', key, 'node', 'epoch')
  if redis.call('SISMEMBER', P .. 'seats', number) == 0 then
    redis.call('DEL', key)
    redis.call('ZREM', P .. 'due', 'until:' .. number, 'aside:' .. number)
    return
  end
  redis.call('HSET', key, 'call', '', 'since', seconds(now))
  local state = 'idle'
  if wrap_up_s > 0 then
    state = 'wrap-up'
    redis.call('HSET', key, 'state', state, 'until', seconds(now + wrap_up_s))
    redis.call('ZADD', P .. 'due', seconds(now + wrap_up_s), 'until:' .. number)
  else
    redis.call('HSET', key, 'state', state, 'idle_since', seconds(now))
    redis.call('HDEL', key, 'until')
    redis.call('ZREM', P .. 'due', 'until:' .. number)
  end
  seat_event(number, 'seat_state', now, {state = state, call = call, reason = reason})
  local ready, queues = index_seat(number)
  if ready then
    for _, queue in ipairs(queues) do
      wake(queue)
    end
  end
end

-- The seats that a call has.
local function held_seats(call)
  local seats = {}
  for _, field in ipairs(redis.call('HKEYS', call_key(call))) do
    local number = string.match(field, '^holds:(.+)$')
    if number and redis.call('HGET', seat_key(number), 'call') == call then
      seats[#seats + 1] = number
    end
  end
  return seats
end

-- The seat has a call: reserved, ringing or talking, claimed in a "queue" or asked for by "name". `over_at` is when a reservation
-- lapses, or nil.
local function hold_seat(number, state, call, by, node, epoch, now, over_at)
  redis.call('HSET', seat_key(number), 'state', state, 'call', call, 'node', node, 'epoch', epoch, 'since', seconds(now))
  if over_at then
    redis.call('HSET', seat_key(number), 'until', seconds(over_at))
    redis.call('ZADD', P .. 'due', seconds(over_at), 'until:' .. number)
  else
    redis.call('HDEL', seat_key(number), 'until')
    redis.call('ZREM', P .. 'due', 'until:' .. number)
  end
  redis.call('HSET', call_key(call), 'holds:' .. number, by)
  index_seat(number)
  seat_event(number, 'seat_state', now, {state = state, call = call})
end

-- A waiting call's place in its queue, first come or given back.
local function put_in_queue(id, queue, place)
  redis.call('SADD', P .. 'queues', queue)
  redis.call('ZADD', P .. 'queue:' .. queue, place, id)
  wake(queue)
end

-- A reservation that nobody turned into ringing: the seat is free again, and a caller who waits for any seat has its old place.
local function undo_claim(number, now)
  local call = redis.call('HGET', seat_key(number), 'call') or ''
  local fields = redis.call('HMGET', call_key(call), 'queue', 'place', 'holds:' .. number)
  free_seat(number, now, 0, 'reservation_lapsed')
  if fields[1] and fields[2] and fields[3] == 'queue' then
    put_in_queue(call, fields[1], fields[2])
  end
end

-- False within one lease of Redis coming up, after a restart or a failover: nobody could renew a lease meanwhile.
local function steady(now, lease_s)
  local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
  local seen = redis.call('HMGET', P .. 'run', 'id', 'since')
  if seen[1] ~= run then
    redis.call('HSET', P .. 'run', 'id', run, 'since', seconds(now))
    return false
  end
  return now - tonumber(seen[2]) > lease_s
end

-- The call is over: it leaves its queue and its seat, and its version is remembered against replays.
local function end_call(id, node, version, now)
  local key = call_key(id)
  local fields = redis.call('HMGET', key, 'queue', 'node')
  if fields[1] then
    redis.call('ZREM', P .. 'queue:' .. fields[1], id)
  end
  for _, number in ipairs(held_seats(id)) do
    free_seat(number, now, 0, 'call_ended')
  end
  redis.call('DEL', key)
  redis.call('SREM', P .. 'calls:' .. (fields[2] or node), id)
  redis.call('SET', P .. 'ended:' .. id, version, 'EX', 3600)
end
