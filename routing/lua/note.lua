-- An event of a call outside its steps, numbered by who tells it: told twice, it is booked once. ARGV: node, epoch, call id, seq, type, data.
local refused = fenced(ARGV[1], tonumber(ARGV[2]))
if refused then
  return refused
end
emit(ARGV[3], ARGV[4], ARGV[5], clock(), ARGV[6])
return 1
