-- Bans an address, blocks a number, or lifts that. ARGV: kind (address or number), entry, seconds ('' for ever, '0' lifts it), reason, by.
-- Returns 1, or 0 when nothing changed: there was nothing to lift, or there are too many already.
local kind, entry, seconds_left, reason, by = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local key = P .. 'bars:' .. kind
local now = clock()
local what
if seconds_left == '0' then
  if redis.call('HDEL', key, entry) == 0 then
    return 0
  end
  what = 'unblocked'
else
  -- Addresses can be forged by the thousand, and every engine reads the whole list whenever it has changed.
  local most = kind == 'address' and 1000 or 10000
  if redis.call('HLEN', key) >= most and redis.call('HEXISTS', key, entry) == 0 then
    local all = redis.call('HGETALL', key)
    for i = 1, #all, 2 do
      local over_at = string.match(all[i + 1], '^%S+')
      if over_at ~= 'inf' and tonumber(over_at) <= now then
        redis.call('HDEL', key, all[i])
      end
    end
    if redis.call('HLEN', key) >= most then
      return 0
    end
  end
  local over_at = seconds_left == '' and 'inf' or seconds(now + tonumber(seconds_left))
  redis.call('HSET', key, entry, over_at .. ' ' .. cjson.encode({reason = reason, by = by, at = seconds(now)}))
  what = 'blocked'
end
redis.call('HINCRBY', P .. 'bars', kind, 1)
if kind == 'number' then
  subject_event('number:' .. entry, what, now, {reason = reason, by = by, seconds = tonumber(seconds_left) or nil})
end
return 1
