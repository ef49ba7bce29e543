"""What Redis does in one step for live queries: its clock is the only one, and nothing comes in between."""

START = """
if ARGV[6] == '1' and redis.call('EXISTS', KEYS[1]) == 1 then
  return
end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('DEL', KEYS[2])
for i = 7, #ARGV do
  redis.call('SADD', KEYS[2], ARGV[i])
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
redis.call('SADD', KEYS[3], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
"""
"""Tells of a campaign: its SQL and the hosts that have yet to answer; or, if the flag says so, only where Redis does
not know of it."""

PUBLISH = """
local now, heard = redis.call('TIME')[1], 0
for _, inbox in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  heard = heard + redis.call('PUBLISH', inbox, ARGV[1])
end
if heard == 0 then
  local known = redis.call('EXISTS', KEYS[4]) == 1 and redis.call('EXISTS', KEYS[5]) == 0
  return (known and redis.call('ZCOUNT', KEYS[1], now - ARGV[5], '+inf') == 0) and 0 or -1
end
redis.call('SADD', KEYS[3], ARGV[2])
redis.call('EXPIRE', KEYS[3], ARGV[6])
if redis.call('SREM', KEYS[2], ARGV[2]) == 1 then
  redis.call('PUBLISH', ARGV[3], ARGV[4])
end
return heard
"""
"""How many processes took a result; 0: nobody reads, -1: somebody may, who cannot be reached just now."""

LEASES = """
redis.call('ZADD', KEYS[1], redis.call('TIME')[1] + ARGV[2], ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2] + ARGV[3])
"""

REMEMBER = """
local token = redis.call('GET', KEYS[1])
if not token then
  token = ARGV[1]
  redis.call('SET', KEYS[1], token)
end
if ARGV[2] ~= '' and ARGV[2] ~= token then
  redis.call('SET', KEYS[2], 1, 'EX', ARGV[3], 'NX')
end
return token
"""
"""The token of what Redis remembers. Who knew another one says thereby that all of that is lost."""
