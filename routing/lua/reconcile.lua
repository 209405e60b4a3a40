-- Frees what an earlier engine of this node left behind. ARGV: node, epoch. Returns the numbers of the seats freed.
local node, epoch = ARGV[1], tonumber(ARGV[2])
local refused = fenced(node, epoch)
if refused then
  return refused
end
local now = clock()
local freed = {}
for _, number in ipairs(redis.call('SMEMBERS', P .. 'seats')) do
  local fields = redis.call('HMGET', seat_key(number), 'node', 'call', 'state', 'epoch')
  if fields[1] == node then
    if redis.call('HEXISTS', call_key(fields[2]), 'holds:' .. number) == 0 then
      free_seat(number, now, 0, 'call_gone')
      freed[#freed + 1] = number
    elseif fields[3] == 'reserved' and tonumber(fields[4]) < epoch and redis.call('EXISTS', dialling_key(fields[2])) == 0 then
      -- A call that the seat was asked to make goes on, and asks for it again. Of others: ringing is saved before an INVITE leaves, so this seat was never rung.
      undo_claim(number, now)
      freed[#freed + 1] = number
    end
  end
end
return freed
