-- Where a user's telephone is registered. ARGV: node, epoch, user, '1' to forget all others, {uri, contact as JSON, expires_s}…
-- A contact with expires_s <= 0 is removed. Returns what is live then: {{uri, contact, seconds left}, …}, the latest to expire first.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
local user = ARGV[3]
local key = P .. 'bindings:' .. user
local now = clock()
local was_registered = registered(user, now)
if ARGV[4] == '1' then
  redis.call('DEL', key)
end
for i = 5, #ARGV, 3 do
  local expires_s = tonumber(ARGV[i + 2])
  if expires_s > 0 then
    redis.call('HSET', key, ARGV[i], seconds(now + expires_s) .. ' ' .. ARGV[i + 1])
  else
    redis.call('HDEL', key, ARGV[i])
  end
end

local live, last = {}, 0
local all = redis.call('HGETALL', key)
for i = 1, #all, 2 do
  local expires_at, contact = string.match(all[i + 1], '^(%S+) (.*)$')
  expires_at = tonumber(expires_at)
  if expires_at > now then
    live[#live + 1] = {all[i], contact, expires_at - now}
    last = math.max(last, expires_at)
  else
    redis.call('HDEL', key, all[i])
  end
end
table.sort(live, function(a, b)
  return a[3] > b[3] or (a[3] == b[3] and a[1] < b[1])
end)
for _, one in ipairs(live) do
  one[3] = seconds(one[3])
end

if last > 0 then
  redis.call('ZADD', P .. 'registered', seconds(last), user)
  if not was_registered then
    for _, queue in ipairs(seat_queues(user)) do
      wake(queue)
    end
  end
else
  redis.call('ZREM', P .. 'registered', user)
end
return live
