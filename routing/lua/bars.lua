-- What is banned or blocked. ARGV: kind, the count of changes seen before ('' for none).
-- Returns {count}, when nothing changed since, or {count, {{entry, JSON, seconds left ('' for ever)}, …}}.
local kind, seen = ARGV[1], ARGV[2]
local count = redis.call('HGET', P .. 'bars', kind) or '0'
if count == seen then
  return {count}
end
local key = P .. 'bars:' .. kind
local now = clock()
local all, live = redis.call('HGETALL', key), {}
for i = 1, #all, 2 do
  local over_at, json = string.match(all[i + 1], '^(%S+) (.*)$')
  if over_at == 'inf' then
    live[#live + 1] = {all[i], json, ''}
  elseif tonumber(over_at) > now then
    live[#live + 1] = {all[i], json, seconds(tonumber(over_at) - now)}
  else
    redis.call('HDEL', key, all[i])
  end
end
return {count, live}
