-- This node's live calls. ARGV: node, epoch. Returns {{id, version, state, seconds since it was saved}, …}; state is "" where it is gone.
local node = ARGV[1]
local refused = fenced(node, tonumber(ARGV[2]))
if refused then
  return refused
end
local now = clock()
local calls = {}
for _, id in ipairs(redis.call('SMEMBERS', P .. 'calls:' .. node)) do
  local fields = redis.call('HMGET', call_key(id), 'version', 'state', 'saved_at')
  calls[#calls + 1] = {id, fields[1] or '0', fields[2] or '', seconds(now - (fields[3] or now))}
end
return calls
