-- A seat's wrap-up goes on while somebody writes, or is done. ARGV: node, epoch, seat, call id, renew_s, max_s. renew_s '' ends it; else it
-- lasts renew_s from now, at most max_s from its begin, never shorter than it would. Returns when it ends, '' when it has; nil: it is over,
-- or is another call's.
local number, call = ARGV[3], ARGV[4]
local key = seat_key(number)
local fields = redis.call('HMGET', key, 'state', 'wraps', 'since', 'until')
if fields[1] ~= 'wrap-up' or fields[2] ~= call then
  return nil
end
local now = clock()
if ARGV[5] == '' then
  free_seat(number, now, 0, 'wrap_up_done')
  return ''
end
local ends = math.max(tonumber(fields[4]), math.min(now + tonumber(ARGV[5]), tonumber(fields[3]) + tonumber(ARGV[6])))
redis.call('HSET', key, 'until', seconds(ends))
redis.call('ZADD', P .. 'due', seconds(ends), 'until:' .. number)
return seconds(ends)
