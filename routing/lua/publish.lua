-- A new version of a hotline's menu, if the one it was made from is still the one that callers hear; the history learns it as an event.
-- ARGV: hotline, version it was made from ('0': none), text for engines, source as written, author, note,
--   the highest version that disk or SQL remembers: Redis may have lost its data.
-- Returns {'1', the new version}, or {'0', the version there is, what is known of it as JSON}.
local KEPT = 100
local name, based_on, text, source, author, note = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local versions, about = P .. 'versions:menu', P .. 'about:menu:' .. name
local current = redis.call('HGET', versions, name) or '0'
if current ~= based_on then
  return {'0', current, redis.call('HGET', about, current) or '{}'}
end
local now = clock()
local number = math.max(tonumber(current), tonumber(ARGV[7])) + 1
local version = string.format('%.0f', number)
local data = {hotline = name, version = number, author = author, note = note, at = now, based_on = tonumber(based_on), source = source}
redis.call('HSET', versions, name, version)
redis.call('HSET', P .. 'document:menu:' .. name, version, text)
redis.call('HSET', about, version, cjson.encode(data))
local old = string.format('%.0f', number - KEPT)
redis.call('HDEL', P .. 'document:menu:' .. name, old)
redis.call('HDEL', about, old)
emit('menu:' .. name, version, 'menu_published', now, cjson.encode(data))
redis.call('PUBLISH', P .. 'published', 'menu:' .. name)
return {'1', version}
