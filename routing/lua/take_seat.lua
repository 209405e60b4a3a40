-- Reserve a seat for a call that names it: a transfer, a call out. ARGV: node, epoch, seat, call id, reserve_s.
-- Its human's wish does not count, nor does wrap-up; another call does. What was reserved for this call when somebody asked for it is its
-- own. Returns 1, or 0 when it can't be had.
local node, epoch, number, id, reserve_s = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], tonumber(ARGV[5])
local refused = fenced(node, epoch)
if refused then
  return refused
end
local held = redis.call('HMGET', seat_key(number), 'state', 'call')
local own = held[1] == 'reserved' and held[2] == id
if not own and held[1] ~= 'idle' and held[1] ~= 'wrap-up' or redis.call('EXISTS', P .. 'ended:' .. id) == 1 then
  return 0
end
local now = clock()
hold_seat(number, 'reserved', id, 'name', node, ARGV[2], now, now + reserve_s)
return 1
