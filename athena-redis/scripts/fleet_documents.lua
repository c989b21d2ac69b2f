-- Tells what processes of a fleet say of themselves.
-- KEYS: roster, documents. ARGV: how long a document may be. Returns each; an empty one in place of one that is longer.
local told = {}
for at = 2, #KEYS do
    local document = redis.call('MGET', KEYS[at])[1]
    if document and #document > tonumber(ARGV[1]) then document = '' end
    told[at - 1] = document
end
return told
