-- The next call that somebody wants a seat to make. ARGV: node, epoch. Returns the request as JSON, or nil when there is none.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
return redis.call('LPOP', P .. 'requests')
