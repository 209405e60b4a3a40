-- The queues in which somebody waits. ARGV: none.
local queues = {}
for _, queue in ipairs(redis.call('SMEMBERS', P .. 'queues')) do
  if redis.call('ZCARD', P .. 'queue:' .. queue) > 0 then
    queues[#queues + 1] = queue
  end
end
return queues
