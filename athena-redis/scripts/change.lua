-- Does something to a value if it is what it was found to be.
-- KEYS: value. ARGV: what it has to be (nothing, whatever, bytes, other), what its bytes begin with, how many there are,
-- how many more may stand behind them, its life in milliseconds (0 removes it), its bytes. Returns 1 if it was done.
local found = ARGV[1]
if found ~= 'whatever' then
    local there = redis.pcall('GET', KEYS[1])
    local kind = 'bytes'
    if not there then
        kind = 'nothing'
    elseif type(there) == 'table' then
        if not string.find(there.err, 'WRONGTYPE', 1, true) then
            return there
        end
        kind = 'other'
    end
    if kind ~= found then
        return 0
    end
    if kind == 'bytes' then
        local beginning, length = ARGV[2], tonumber(ARGV[3])
        if #there ~= length and #there ~= length + ARGV[4] then
            return 0
        end
        if string.sub(there, 1, #beginning) ~= beginning then
            return 0
        end
    end
end
if ARGV[5] == '0' then
    redis.call('DEL', KEYS[1])
else
    redis.call('SET', KEYS[1], ARGV[6], 'PX', ARGV[5])
end
return 1
