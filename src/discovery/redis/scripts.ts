import { createHash } from 'node:crypto';

/** A Lua script that Redis runs as one step. */
export interface Script {
  readonly lua: string;
  readonly sha: string;
}

// What several scripts share. The clock is always the server's: clocks of clients decide nothing.
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;
const GENERATION = `
local function generationOf(held)
  return held and tonumber(string.match(held, '^(%-?%d+)|'))
end
`;
// Counts a change and tells it. Generations travel as text, because Lua's JSON keeps 14 digits of a number. The mark stands for all that was
// told so far: after a failover that lost writes, the same revisions count other changes.
const TELL = `
local function tell(head, channel, change)
  change.rev = redis.call('HINCRBY', head, 'rev', 1)
  local held = redis.call('HMGET', head, 'epoch', 'mark')
  change.epoch = held[1]
  local text = cjson.encode(change)
  redis.call('HSET', head, 'mark', redis.sha1hex((held[2] or '') .. text))
  redis.call('PUBLISH', channel, text)
end
`;

// Up to when ends of leases were told. When the clock was put back, leases hold again whose end was told: a gap in the revisions makes readers
// look. That is seen before a lease is set by the clock of now, which may end before those did.
const TOLD = `
local function toldUpTo(head, lapsed, now)
  local told = tonumber(lapsed) or 0
  if told <= now then return told end
  redis.call('HINCRBY', head, 'rev', 1)
  redis.call('HSET', head, 'lapsed', now)
  return now
end
`;

/**
 * KEYS instances, leases, head · ARGV id, generation, lease in ms, record, epoch to use when there is none, channel.
 * Returns 1, or -1 when a newer generation holds the id. A repeated call changes nothing.
 */
export const register = script(`${NOW}${GENERATION}${TELL}${TOLD}
local held = redis.call('HGET', KEYS[1], ARGV[1])
local generation = generationOf(held)
if generation and generation > tonumber(ARGV[2]) then return -1 end
local text = ARGV[2] .. '|' .. ARGV[4]
local lease = redis.call('ZSCORE', KEYS[2], ARGV[1])
local fresh = redis.call('HSETNX', KEYS[3], 'epoch', ARGV[5]) == 1
redis.call('HSET', KEYS[1], ARGV[1], text)
redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
toldUpTo(KEYS[3], redis.call('HGET', KEYS[3], 'lapsed'), now)
if fresh or held ~= text or not lease or tonumber(lease) <= now then
  tell(KEYS[3], ARGV[6], { op = 'join', record = ARGV[4] })
end
return 1
`);

/**
 * KEYS instances, leases, head · ARGV id, generation, lease in ms, channel.
 * Returns -1 when a newer generation holds the id; 0 when the record is not there, so that the owner registers again; else 1 plus the number
 * of leases that ended two leases ago, which somebody should reap.
 *
 * Tells of the leases that ended since a beat last looked, so that readers learn of a silent death within a beat of the end of its lease. Of
 * more than a hundred it tells by a gap in the revisions: one look at everything costs less then.
 *
 * As long as the lease that ends first has not ended, it asks for nothing more: beats are most of what Redis has to do for a mesh.
 *
 * A Redis that is full refuses whatever could grow, unless the script took something away before. A beat makes nothing grow, so then it takes
 * the lease away and sets it anew: who is registered must not lapse because others fill the memory.
 */
export const beat = script(`${NOW}${GENERATION}${TELL}${TOLD}
local held = redis.call('HGET', KEYS[1], ARGV[1])
local generation = generationOf(held)
if not generation then return 0 end
if generation > tonumber(ARGV[2]) then return -1 end
local head = redis.call('HMGET', KEYS[3], 'epoch', 'lapsed')
if generation < tonumber(ARGV[2]) or not head[1] then return 0 end
local first = tonumber(redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')[2])
local over = first and first <= now
local own = over and tonumber(redis.call('ZSCORE', KEYS[2], ARGV[1]))
local added = redis.pcall('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
if type(added) == 'table' then
  added = 1 - redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[2], now + ARGV[3], ARGV[1])
end
if added == 1 or (own and own <= now) then
  tell(KEYS[3], ARGV[4], { op = 'join', record = string.match(held, '^%-?%d+|(.*)$') })
end
local told = toldUpTo(KEYS[3], head[2], now)
if not over then return 1 end
local ended = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. told, now, 'LIMIT', 0, 101)
if #ended > 100 then
  redis.call('HINCRBY', KEYS[3], 'rev', 1)
  ended = { ended[1] }
end
for _, id in ipairs(ended) do
  local generation = generationOf(redis.call('HGET', KEYS[1], id)) or 0
  tell(KEYS[3], ARGV[4], { op = 'lapse', id = id, generation = string.format('%.0f', generation) })
end
if #ended > 0 then redis.call('HSET', KEYS[3], 'lapsed', now) end
return 1 + redis.call('ZCOUNT', KEYS[2], '-inf', now - 2 * ARGV[3])
`);

/**
 * KEYS instances, leases, head · ARGV id, generation, epoch to use when there is none, channel.
 * Tells of the leave even when the record is lost already, since readers may still have it; not when a newer generation holds the id. What takes
 * away comes first: after that even a Redis that is full lets the rest pass.
 */
export const leave = script(`${GENERATION}${TELL}
local generation = generationOf(redis.call('HGET', KEYS[1], ARGV[1]))
if generation and generation > tonumber(ARGV[2]) then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HSETNX', KEYS[3], 'epoch', ARGV[3])
tell(KEYS[3], ARGV[4], { op = 'leave', id = ARGV[1], generation = ARGV[2] })
return 1
`);

/**
 * KEYS instances, leases, head · ARGV epoch and revision that the reader has, milliseconds within which a lease may have ended,
 * the most records that are sent at once, and the mark that the reader has. Only reads.
 * Returns epoch and revision, empty and 0 when nobody wrote yet; and, unless the reader has just these and was told of every lease that ended,
 * the ids, as the JSON of a list, and the records of those whose lease holds or, a hundred at most, ended so lately; the ids of the latter; and
 * the mark, which is that of no history where a lease ended of which nobody told yet: it may hold again when the clock is put back.
 */
export const snapshot = script(`${NOW}
local epoch = redis.call('HGET', KEYS[3], 'epoch') or ''
local rev = redis.call('HGET', KEYS[3], 'rev') or '0'
local told = redis.call('HGET', KEYS[3], 'lapsed') or '0'
local mark = redis.call('HGET', KEYS[3], 'mark') or ''
if redis.call('ZCOUNT', KEYS[2], '(' .. told, now) > 0 then mark = '-' end
if epoch == ARGV[1] and rev == ARGV[2] and mark == ARGV[5] and mark ~= '-' then return { epoch, rev } end
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')
local ended = {}
if tonumber(ARGV[3]) > 0 then
  ended = redis.call('ZREVRANGEBYSCORE', KEYS[2], now, now - ARGV[3], 'LIMIT', 0, 100)
  for i = 1, #ended do ids[#ids + 1] = ended[i] end
end
local records = {}
if #ids > 0 then records = redis.call('HMGET', KEYS[1], unpack(ids, 1, math.min(#ids, tonumber(ARGV[4])))) end
return { epoch, rev, #ids > 0 and cjson.encode(ids) or '[]', records, ended, mark }
`);

/**
 * KEYS instances, leases, head, reaper · ARGV lease in ms, channel.
 * Removes at most 100 records whose lease ended two leases ago; tells of those of which no beat did. One reaper per lease: whoever sets the
 * key first, or anybody where Redis is full and refuses the key, but not to take away.
 */
export const reap = script(`${NOW}${GENERATION}${TELL}
if not redis.pcall('SET', KEYS[4], '1', 'NX', 'PX', ARGV[1]) then return 0 end
local told = tonumber(redis.call('HGET', KEYS[3], 'lapsed')) or 0
local dead = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - 2 * ARGV[1], 'WITHSCORES', 'LIMIT', 0, 100)
for i = 1, #dead, 2 do
  local generation = generationOf(redis.call('HGET', KEYS[1], dead[i])) or 0
  redis.call('HDEL', KEYS[1], dead[i])
  redis.call('ZREM', KEYS[2], dead[i])
  if tonumber(dead[i + 1]) > told then
    tell(KEYS[3], ARGV[2], { op = 'lapse', id = dead[i], generation = string.format('%.0f', generation) })
  end
end
return #dead / 2
`);

/** KEYS index · ARGV service, milliseconds after which a service that nobody announced is dropped from the index. */
export const index = script(`${NOW}
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
return 1
`);

function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}
