import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import { LONGEST } from "../kit/backend.ts";

/** The name of a script: the operation that it is. */
export type RedisScript = keyof ReturnType<typeof scriptsFor>;

/**
 * The scripts, for a server or for a cluster. KEYS: the lease, and the entry, but for `get`, `renew` and `release`; where leases
 * are kept alone, the lease twice.
 * The fields of a lease: its owner, the owner of the last one that ended failed or uncached, with how, how many fetches have
 * failed in a row, and how long the rest of the lease's time is after the one in which nobody is to fetch.
 */
export function scriptsFor({ cluster }: { readonly cluster: boolean }) {
  const wake = cluster ? SHARDED_WAKE : WAKE;
  return {
    // ARGV: owner, ttl, the lease that was waited for, for how long an entry is fresh at most that isn't in the way, whether
    // to back off, an entry to ignore.
    acquire: `
${READ}
local stored = KEYS[1] ~= KEYS[2] and read('GET', KEYS[2])
local entry, life = false, 0
if type(stored) == 'string' and stored ~= ARGV[6] then
  entry, life = stored, redis.call('PTTL', KEYS[2])
  local fresh = life < 0 and ${FOREVER} or life - ${STALE_FOR}
  if fresh > tonumber(ARGV[4]) then return {entry, life} end
end
local lease = read('HMGET', KEYS[1], 'owner', 'last', 'how', 'failures', 'after')
local replaced = lease.err and 1 or 0
local left = redis.call('PTTL', KEYS[1])
if lease.err or lease[1] == '' or left < 0 or left > ${LONGEST_LEASE} then
  redis.call('DEL', KEYS[1])
  lease = {}
end
local owner, last, how = lease[1], lease[2], lease[3]
local after = tonumber(lease[5])
local quiet = not owner and after and after >= 0 and left - after or 0
if not owner and not (how == 'uncached' and last == ARGV[3] and last ~= '') and not (ARGV[5] == '1' and quiet > 0) then
  ${FILLS}
  owner = ARGV[1]
  redis.call('HSET', KEYS[1], 'owner', owner)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {entry, life, owner or false, redis.call('PTTL', KEYS[1]), last or false, how or false, replaced,
  tonumber(lease[4]) or 0, quiet}`,

    // ARGV: owner, ttl.
    renew: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,

    // ARGV: owner, value, how long it is there. A client sends again what it got no reply to: then this very value is there,
    // fresh, and no lease.
    fill: `
${READ}
local owner = read('HGET', KEYS[1], 'owner')
if owner ~= ARGV[1] then
  local entry, life = read('GET', KEYS[2]), redis.call('PTTL', KEYS[2])
  local filled = not owner and entry == ARGV[2] and (life < 0 or life > ${STALE_FOR})
  return filled and 1 or 0
end
redis.call('SET', KEYS[2], ARGV[2], unpack(ARGV[3] and {'PX', ARGV[3]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

    // ARGV: owner, outcome, how many failures in a row, for how long nobody is to fetch.
    release: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] ~= 'cancelled' then redis.call('HSET', KEYS[1], 'last', ARGV[1], 'how', ARGV[2]) end
if ARGV[4] then
  local left = math.max(redis.call('PTTL', KEYS[1]), ARGV[4] + ${FAILURES_REMEMBERED})
  redis.call('HSET', KEYS[1], 'failures', ARGV[3], 'after', left - ARGV[4])
  redis.call('PEXPIRE', KEYS[1], left)
else
  redis.call('HDEL', KEYS[1], 'after', ARGV[2] == 'uncached' and 'failures' or 'after')
end
redis.call('HDEL', KEYS[1], 'owner')
${wake}
return 1`,

    // ARGV: value, how long it is there.
    set: `
redis.call('SET', KEYS[2], ARGV[1], unpack(ARGV[2] and {'PX', ARGV[2]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

    expire: `
${READ}
local entry = read('GET', KEYS[2])
local stale = type(entry) == 'string' and ${STALE_FOR} or 0
local life = redis.call('PTTL', KEYS[2])
if stale == 0 then
  redis.call('DEL', KEYS[2])
elseif life < 0 or life > stale then
  redis.call('PEXPIRE', KEYS[2], stale)
end
redis.call('DEL', KEYS[1])
${wake}
return 1`,

    delete: `
redis.call('DEL', KEYS[2], KEYS[1])
${wake}
return 1`,

    // Of the entry alone: how long it is there, and its value.
    get: `
local entry = redis.pcall('GET', KEYS[1])
return type(entry) == 'table' and entry.err and entry or {redis.call('PTTL', KEYS[1]), entry}`,

    // Whether this user may push: those who may not can fill all the same.
    push: cluster
      ? `if type(redis.pcall('SPUBLISH', KEYS[1], '')) ~= 'table' then return 1 end
return redis.call('PUBLISH', KEYS[1], '')`
      : `return redis.call('PUBLISH', KEYS[1], '')`,
  };
}

/**
 * For how long `entry` is stale before it ends: what its first line says, see {@linkcode toStored}. In parentheses, as some
 * Lua has no value where there is no match, and not nil.
 */
const STALE_FOR =
  `math.min(tonumber((string.match(entry, '^%zcache%-locking/1 (%d+) [^\\n]*\\n'))) or 0, ${LONGEST})`;
/** For how long an entry without an end is fresh, in milliseconds; less than for an acquire to which none is fresh. */
const FOREVER = "9e15";
// An error is an answer where the key has another type, and is raised where the command may not be used.
const READ = `
local function read(...)
  local reply = redis.pcall(...)
  local failed = type(reply) == 'table' and reply.err and not string.find(reply.err, 'WRONGTYPE')
  return failed and redis.call(...) or reply
end`;
// What only a fill and a release use, without an effect: a user who may not use it is refused before the fetch.
const FILLS = `
  redis.call('HGET', KEYS[1], 'owner')
  redis.call('HDEL', KEYS[1], 'owner')
  if KEYS[1] ~= KEYS[2] and not stored then redis.call('SET', KEYS[2], '', 'XX') end`;
// A push that can't be sent, where the user may use no channels, must not undo what has been written.
const WAKE = `redis.pcall('PUBLISH', KEYS[1], '')`;
const SHARDED_WAKE = `if type(redis.pcall('SPUBLISH', KEYS[1], '')) == 'table' then ${WAKE} end`;
