-- Ends the calls of engines that are dead for good, or one of this engine's own that it can't go on with. ARGV: node, epoch, lease_s,
-- reap_s, its own call's id or "". Returns the ids of the calls ended.
local node, lease_s, reap_s, own = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local refused = fenced(node, tonumber(ARGV[2]))
if refused then
  return refused
end
local now = clock()
local reaped = {}

-- Nobody was there for this call since `left_at`.
local function lose(id, of, left_at)
  local fields = redis.call('HMGET', call_key(id), 'version', 'summary', 'queued_at')
  local readable, data = pcall(cjson.decode, fields[2])
  if not readable or type(data) ~= 'table' then
    data = {}
  end
  data.by, data.reason, data.last_seen = 'system', 'engine_lost', left_at
  if fields[3] and not data.wait_s and (data.phase == 'QUEUED' or data.phase == 'OFFERED') then
    data.wait_s = math.max(left_at - fields[3], 0)
  end
  local seq = string.format('%.0f', (tonumber(fields[1] or '0') + 1) * 1000)
  emit(id, seq, 'ended', now, cjson.encode(data))
  end_call(id, of, NO_VERSION, now)
  reaped[#reaped + 1] = id
end

if own ~= '' then
  lose(own, node, now)
  return reaped
end
if not steady(now, lease_s) then
  return reaped
end
for _, dead in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do
  local alive_until = tonumber(redis.call('HGET', P .. 'engine:' .. dead, 'alive_until') or '0')
  if dead ~= node and alive_until + reap_s < now then
    for _, id in ipairs(redis.call('SMEMBERS', P .. 'calls:' .. dead)) do
      lose(id, dead, alive_until)
    end
    for _, number in ipairs(redis.call('SMEMBERS', P .. 'seats')) do
      if redis.call('HGET', seat_key(number), 'node') == dead then
        free_seat(number, now, 0, 'engine_lost')
      end
    end
    -- If it only slept, it is refused from now on.
    redis.call('HINCRBY', P .. 'engine:' .. dead, 'epoch', 1)
    redis.call('SREM', P .. 'nodes', dead)
  end
end
return reaped
