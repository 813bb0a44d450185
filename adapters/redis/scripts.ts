import { LONGEST_LEASE } from "../../src/model/defaults.ts";

/** The name of a script: the operation that it is. */
export type RedisScript = keyof ReturnType<typeof scriptsFor>;

/**
 * The scripts, for a server or for a cluster. KEYS: the lease, and the entry, but for `renew` and `release`; where leases
 * are kept alone, the lease twice.
 * The fields of a lease: its owner, and the owner of the last one that ended failed or uncached, with how.
 */
export function scriptsFor({ cluster }: { readonly cluster: boolean }) {
  const wake = cluster ? SHARDED_WAKE : WAKE;
  return {
    // ARGV: owner, ttl, the lease that was waited for, an entry to ignore.
    acquire: `
${READ}
local entry = KEYS[1] ~= KEYS[2] and read('GET', KEYS[2])
if type(entry) == 'string' and entry ~= ARGV[4] then return entry end
local lease = read('HMGET', KEYS[1], 'owner', 'last', 'how')
local replaced = lease.err and 1 or 0
local left = redis.call('PTTL', KEYS[1])
if lease.err or lease[1] == '' or left < 0 or left > ${LONGEST_LEASE} then
  redis.call('DEL', KEYS[1])
  lease = {}
end
local owner, last, how = lease[1], lease[2], lease[3]
if not owner and not (how == 'uncached' and last == ARGV[3] and last ~= '') then
  ${FILLS}
  owner = ARGV[1]
  redis.call('HSET', KEYS[1], 'owner', owner)
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {owner or false, redis.call('PTTL', KEYS[1]), last or false, how or false, replaced}`,

    // ARGV: owner, ttl.
    renew: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,

    // ARGV: owner, value, ttl. A client sends again what it got no reply to: then this very value is there, and no lease.
    fill: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then
  return read('GET', KEYS[2]) == ARGV[2] and 1 or 0
end
redis.call('SET', KEYS[2], ARGV[2], unpack(ARGV[3] and {'PX', ARGV[3]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

    // ARGV: owner, outcome.
    release: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
if ARGV[2] ~= 'cancelled' then redis.call('HSET', KEYS[1], 'last', ARGV[1], 'how', ARGV[2]) end
redis.call('HDEL', KEYS[1], 'owner')
${wake}
return 1`,

    // ARGV: value, ttl.
    set: `
redis.call('SET', KEYS[2], ARGV[1], unpack(ARGV[2] and {'PX', ARGV[2]} or {}))
redis.call('DEL', KEYS[1])
${wake}
return 1`,

    delete: `
redis.call('DEL', KEYS[2], KEYS[1])
${wake}
return 1`,

    // Whether this user may push: those who may not can fill all the same.
    push: cluster
      ? `if type(redis.pcall('SPUBLISH', KEYS[1], '')) ~= 'table' then return 1 end
return redis.call('PUBLISH', KEYS[1], '')`
      : `return redis.call('PUBLISH', KEYS[1], '')`,
  };
}

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
  if KEYS[1] ~= KEYS[2] and not entry then redis.call('SET', KEYS[2], '', 'XX') end`;
// A push that can't be sent, where the user may use no channels, must not undo what has been written.
const WAKE = `redis.pcall('PUBLISH', KEYS[1], '')`;
const SHARDED_WAKE = `if type(redis.pcall('SPUBLISH', KEYS[1], '')) == 'table' then ${WAKE} end`;
