-- Events of a call that no engine has: it was told of by whoever answered it in the engine's place. Told twice, they are booked
-- once. ARGV: at ('' is now), call id, {seq, type, data}…
local at = ARGV[1] == '' and clock() or tonumber(ARGV[1])
for i = 3, #ARGV, 3 do
  emit(ARGV[2], ARGV[i], ARGV[i + 1], at, ARGV[i + 2])
end
return 1
