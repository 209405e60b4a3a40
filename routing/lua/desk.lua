-- All that is live of one seat, at one instant. Reads only. ARGV: seat.
-- Returns nil where there is no such seat, else {now, '1' when registered, {field, value, …}, call, dialling, {queue, waiting, waited_s, …}}:
--   call     {} or {id, '1' when it lives, summary JSON, {type, at, data, …} (its way so far), {field, value, …} (what is known of its caller)}
--   dialling {} or {id, field, value, …}
local number = ARGV[1]
local fields = redis.call('HGETALL', seat_key(number))
if #fields == 0 then
  return nil
end
local now = clock()
local seat = {}
for i = 1, #fields, 2 do
  seat[fields[i]] = fields[i + 1]
end

local call = {}
local id = seat.call
if not id or id == '' then
  id = seat.wraps
end
if id and id ~= '' then
  local summary = redis.call('HGET', call_key(id), 'summary')
  local lives = summary and '1' or '0'
  summary = summary or redis.call('GET', P .. 'past:' .. id) or '{}'
  local readable, about = pcall(cjson.decode, summary)
  local known = {}
  if readable and type(about.caller) == 'string' and about.caller ~= '' then
    known = redis.call('HGETALL', P .. 'caller:' .. about.caller)
  end
  call = {id, lives, summary, redis.call('LRANGE', P .. 'trail:' .. id, 0, -1), known}
end

local dialling = {}
if seat.dialling then
  dialling = redis.call('HGETALL', dialling_key(seat.dialling))
  if #dialling > 0 then
    table.insert(dialling, 1, seat.dialling)
  end
end

local queues = {}
for _, queue in ipairs(seat_queues(number)) do
  local first = redis.call('ZRANGE', P .. 'queue:' .. queue, 0, 0)
  local since = first[1] and redis.call('HGET', call_key(first[1]), 'queued_at')
  queues[#queues + 1] = queue
  queues[#queues + 1] = redis.call('ZCARD', P .. 'queue:' .. queue)
  queues[#queues + 1] = since and seconds(math.max(now - since, 0)) or '0'
end
return {seconds(now), registered(number, now) and '1' or '0', fields, call, dialling, queues}
