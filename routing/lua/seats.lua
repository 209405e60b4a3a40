-- Seats as they are. ARGV: numbers; none means all. Returns {{number, '1' when registered, {field, value, …}}, …}; unknown ones are left out.
local now = clock()
local seats = {}
for _, number in ipairs(#ARGV > 0 and ARGV or redis.call('SMEMBERS', P .. 'seats')) do
  local fields = redis.call('HGETALL', seat_key(number))
  if #fields > 0 then
    seats[#seats + 1] = {number, registered(number, now) and '1' or '0', fields}
  end
end
return seats
