-- The next call that somebody wants a seat to make. ARGV: node, epoch. Returns the request as JSON, or nil when there is none.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
while true do
  local request = redis.call('LPOP', P .. 'requests')
  -- One that waited for too long is over already.
  if not request or redis.call('EXISTS', P .. 'ended:' .. cjson.decode(request).call_id) == 0 then
    return request
  end
end
