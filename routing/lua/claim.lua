-- The one claim: the first caller and the seat idle for longest, both taken in one step. ARGV: node, epoch, queue, reserve_s.
-- Returns nil, or {call id, seat, waited_s, {seat, reason, seat, reason, …}, callers left in line}.
local node, epoch, queue, reserve_s = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local MOST_SKIPPED = 20
local refused = fenced(node, epoch)
if refused then
  return refused
end
local now = clock()

local skipped, told = {}, {}
local function skip(number, reason)
  told[number] = true
  if #skipped < 2 * MOST_SKIPPED then
    skipped[#skipped + 1] = number
    skipped[#skipped + 1] = reason
  end
end

local function find_seat()
  local from = 0
  while true do
    local idle = redis.call('ZRANGE', P .. 'idle:' .. queue, from, from + 19)
    for _, number in ipairs(idle) do
      local reason = hindrance(number, now)
      if not reason then
        return number
      end
      skip(number, reason)
    end
    if #idle < 20 then
      return nil
    end
    from = from + 20
  end
end

-- The first in line whose engine lives. A dead engine's callers keep their places until it is back or they are reaped.
local function find_caller()
  local alive = {[node] = true}
  local from = 0
  while true do
    local line = redis.call('ZRANGE', P .. 'queue:' .. queue, from, from + 49)
    for _, id in ipairs(line) do
      local owner = redis.call('HGET', call_key(id), 'node')
      if not owner then
        redis.call('ZREM', P .. 'queue:' .. queue, id)
        from = from - 1
      else
        if alive[owner] == nil then
          alive[owner] = node_alive(owner, now)
        end
        if alive[owner] then
          return id, owner
        end
      end
    end
    if #line < 50 then
      return nil
    end
    from = from + 50
  end
end

if redis.call('ZCARD', P .. 'queue:' .. queue) == 0 then
  return nil
end
local seat = find_seat()
if not seat then
  return nil
end
local id, owner = find_caller()
if not id then
  return nil
end
if owner ~= node then
  -- Only the engine that has the caller can ring a seat for it; it alone is woken, or two engines would wake each other for ever.
  redis.call('PUBLISH', P .. 'wake:' .. owner, queue)
  return nil
end

-- Why the others did not get it, for the call's timeline.
for _, number in ipairs(redis.call('SRANDMEMBER', P .. 'members:' .. queue, 2 * MOST_SKIPPED)) do
  -- No reason at all: it is free too, but not for as long.
  local reason = number ~= seat and not told[number] and hindrance(number, now)
  if reason then
    skip(number, reason)
  end
end

local queued_at = redis.call('HGET', call_key(id), 'queued_at') or now
redis.call('ZREM', P .. 'queue:' .. queue, id)
-- Who waits has no seat: one that it still held is freed, so that none is left busy.
for _, number in ipairs(held_seats(id)) do
  free_seat(number, now, 0, 'call_moved')
end
hold_seat(seat, 'reserved', id, 'queue', node, ARGV[2], now, now + reserve_s)
return {id, seat, seconds(now - queued_at), skipped, redis.call('ZCARD', P .. 'queue:' .. queue)}
