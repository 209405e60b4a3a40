-- What every script shares: names of keys, the clock, the fence, seats and events. Put before each script's own text.
--
-- Keys, all under one hash tag, so that they live on one node of a cluster:
--   engine:<node>      hash   epoch, alive_until; trunks, menus, speech, lines: JSON of what is up, which versions run, what people are told of trunks
--   nodes              set    engines that may hold calls
--   trunks:<node>      hash   trunk to "1" (up) or "0", as last told in an event
--   calls:<node>       set    live calls of an engine
--   call:<id>          hash   node, version, state, saved_at, summary; queue, place, queued_at while in a queue; turned_away (a full queue);
--                             holds:<seat> for each seat it has: "queue" (claimed there) or "name" (asked for)
--   past:<id>          string the summary of a call that is over and had a seat; kept for an hour, for who wraps it up
--   trail:<id>         list   its caller's way so far (menu, key, said, entered, misheard, queued) as JSON {type, at, data}, the newest 40; kept for an hour
--                             after its end
--   dialling:<id>      hash   a call that a seat was asked to make: seat, number, callback_id, by, at; step, since; outcome, reason, talk_s. Kept 12 h
--   ended:<id>         string version of a call that is over; kept for an hour against late replays
--   queues             set    names of queues
--   queue:<name>       zset   waiting calls by place (lower is first)
--   seats              set    numbers of configured seats
--   seat:<number>      hash   name, queues, levels ({queue: level of its skill, 1 is best} JSON), fixed ("1": dialled without being registered); status, reason,
--                             status_since; state, call, node, epoch, since; idle_since; until; aside_until, aside_reason; wraps: the call whose wrap-up goes on;
--                             dialling: the latest call that it was asked to make
--   members:<queue>    set    seats that serve a queue
--   idle:<queue>       zset   ready and idle seats of a queue by the level of their skill, then idle_since
--   registered         zset   users by the time their last contact expires; bindings:<user> hash: the contacts
--   pace:<queue>       hash   handling_s (mean of the latest talks with their wrap-ups), talks; kept for 12 h
--   caller:<number>    hash   calls, name, class, tags: what the scribe knows of who calls from there
--   due                zset   "until:<seat>" and "aside:<seat>" by the time at which they are over
--   run                hash   id, since: the Redis process we know, and since when
--   documents:<kind>   hash   name to the text that is published now (calendar)
--   versions:menu      hash   hotline to the number of the version published; of the newest 100 document:menu:<hotline> hash: version to
--                             text, about:menu:<hotline> hash: version to JSON {hotline, version, author, note, at, based_on, source}
--   seq                hash   last event number of each seat, trunk, and number with events of its own
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

-- Above all versions of a call: nobody brings it to life again.
local NO_VERSION = '9007199254740992'

local function call_key(id)
  return P .. 'call:' .. id
end

local function seat_key(number)
  return P .. 'seat:' .. number
end

local function has_contact(user, now)
  return tonumber(redis.call('ZSCORE', P .. 'registered', user) or '0') > now
end

local function registered(user, now)
  return redis.call('HGET', seat_key(user), 'fixed') == '1' or has_contact(user, now)
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
  local fields = redis.call('HMGET', seat_key(number), 'status', 'state', 'idle_since', 'queues', 'levels')
  local ready = fields[1] == 'ready' and fields[2] == 'idle'
  local queues = fields[4] and cjson.decode(fields[4]) or {}
  local levels = fields[5] and cjson.decode(fields[5]) or {}
  for _, queue in ipairs(queues) do
    if ready then
      -- A level outweighs any idle time; 1e10 s are 317 years.
      redis.call('ZADD', P .. 'idle:' .. queue, seconds(fields[3] + ((levels[queue] or 1) - 1) * 1e10), number)
    else
      redis.call('ZREM', P .. 'idle:' .. queue, number)
    end
  end
  return ready, queues
end

-- Why a seat cannot take a call now, or nil.
local function hindrance(number, now)
  local fields = redis.call('HMGET', seat_key(number), 'state', 'status', 'aside_until', 'fixed')
  if fields[1] ~= 'idle' then
    return fields[1] or 'not_registered'
  end
  if fields[2] ~= 'ready' then
    return fields[2]
  end
  if tonumber(fields[3] or '0') > now then
    return 'set_aside'
  end
  if fields[4] ~= '1' and not has_contact(number, now) then
    return 'not_registered'
  end
  return nil
end

-- How many seats could take a call of this queue now.
local function ready_seats(queue, now)
  local ready = 0
  for _, number in ipairs(redis.call('ZRANGE', P .. 'idle:' .. queue, 0, -1)) do
    if not hindrance(number, now) then
      ready = ready + 1
    end
  end
  return ready
end

-- A seat has dealt with a call of this queue for so long, wrap-up counted: the mean of the first ten, then a moving one.
local function keep_pace(queue, handling_s)
  local key = P .. 'pace:' .. queue
  local kept = redis.call('HMGET', key, 'handling_s', 'talks')
  local talks = tonumber(kept[2] or '0')
  local mean = tonumber(kept[1] or '0')
  redis.call('HSET', key, 'handling_s', seconds(mean + (handling_s - mean) / math.min(talks + 1, 10)), 'talks', talks + 1)
  redis.call('EXPIRE', key, 43200)
end

local DIALLING_KEPT_S = 43200

local function dialling_key(id)
  return P .. 'dialling:' .. id
end

-- A call that a seat was asked to make is this far; one that nobody asked for, or that is over, is none. `told`: outcome, reason, talk_s.
local function step_dialling(id, step, now, told)
  local key = dialling_key(id)
  local known = redis.call('HMGET', key, 'seat', 'step', 'callback_id')
  if not known[1] or known[2] == 'over' or known[2] == step then
    return
  end
  redis.call('HSET', key, 'step', step, 'since', seconds(now))
  for field, value in pairs(told) do
    redis.call('HSET', key, field, value)
  end
  told.step, told.call, told.callback_id = step, id, known[3]
  seat_event(known[1], 'dialling', now, told)
end

-- Its seat has it no more, whoever took it away: it can't go on, nor keep the seat from the next one.
local function end_dialling(id, number, now, reason)
  local known = redis.call('HMGET', dialling_key(id), 'seat', 'step', 'since')
  if known[1] ~= number then
    return
  end
  if known[2] == 'talking' then
    step_dialling(id, 'over', now, {outcome = 'talked', reason = reason, talk_s = seconds(now - known[3])})
  else
    step_dialling(id, 'over', now, {outcome = 'failed', reason = reason})
  end
end

-- Whether no engine has taken it yet.
local function is_asked(id)
  return redis.call('HGET', dialling_key(id), 'step') == 'asked' and redis.call('HEXISTS', call_key(id), 'version') == 0
end

-- The seat is free of its call: idle, or wrapping up first. Wakes its queues when it can take the next one. aside_s: it has just been
-- set aside for so long, or nil.
local function free_seat(number, now, wrap_up_s, reason, aside_s)
  local key = seat_key(number)
  local call = redis.call('HGET', key, 'call') or ''
  if call ~= '' then
    redis.call('HDEL', call_key(call), 'holds:' .. number)
    if reason ~= 'reservation_lapsed' or redis.call('HEXISTS', call_key(call), 'version') == 0 then
      end_dialling(call, number, now, reason)
    end
  end
  redis.call('HDEL', key, 'node', 'epoch', 'wraps')
  if redis.call('SISMEMBER', P .. 'seats', number) == 0 then
    redis.call('DEL', key)
    redis.call('ZREM', P .. 'due', 'until:' .. number, 'aside:' .. number)
    return
  end
  redis.call('HSET', key, 'call', '', 'since', seconds(now))
  local state = 'idle'
  if wrap_up_s > 0 then
    state = 'wrap-up'
    redis.call('HSET', key, 'state', state, 'until', seconds(now + wrap_up_s), 'wraps', call)
    redis.call('ZADD', P .. 'due', seconds(now + wrap_up_s), 'until:' .. number)
  else
    redis.call('HSET', key, 'state', state, 'idle_since', seconds(now))
    redis.call('HDEL', key, 'until')
    redis.call('ZREM', P .. 'due', 'until:' .. number)
  end
  seat_event(number, 'seat_state', now, {state = state, call = call, reason = reason, aside_s = aside_s})
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
  redis.call('HDEL', seat_key(number), 'wraps')
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

-- No engine has taken a call that a seat was asked to make: it is in the log all the same, and none may begin it any more.
local function forget_request(id, now)
  local asked = redis.call('HMGET', dialling_key(id), 'seat', 'number', 'callback_id')
  local begun = {kind = 'outbound', caller = asked[2], dialable = true, seat = asked[1], callback_id = asked[3]}
  emit(id, '1001', 'outbound_started', now, cjson.encode(begun))
  local over = {by = 'system', reason = 'expired', phase = 'SUMMONING', result = 'not_called', seat = asked[1]}
  emit(id, '1002', 'ended', now, cjson.encode(over))
  step_dialling(id, 'over', now, {outcome = 'failed', reason = 'expired'})
  redis.call('SET', P .. 'ended:' .. id, NO_VERSION, 'EX', 3600)
end

-- A reservation that nobody turned into ringing: the seat is free again, and a caller who waits for any seat has its old place.
local function undo_claim(number, now)
  local call = redis.call('HGET', seat_key(number), 'call') or ''
  if is_asked(call) then
    forget_request(call, now)
  end
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
  local fields = redis.call('HMGET', key, 'queue', 'node', 'summary')
  if fields[1] then
    redis.call('ZREM', P .. 'queue:' .. fields[1], id)
  end
  for _, number in ipairs(held_seats(id)) do
    free_seat(number, now, 0, 'call_ended')
  end
  if fields[3] and not string.find(fields[3], '"seat":""', 1, true) then
    redis.call('SET', P .. 'past:' .. id, fields[3], 'EX', 3600)
  end
  redis.call('EXPIRE', P .. 'trail:' .. id, 3600)
  redis.call('DEL', key)
  redis.call('SREM', P .. 'calls:' .. (fields[2] or node), id)
  redis.call('SET', P .. 'ended:' .. id, version, 'EX', 3600)
end
