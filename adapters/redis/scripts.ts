import { FAILURES_REMEMBERED, GRACE, LONGEST_LEASE } from "../../src/model/defaults.ts";
import { LONGEST } from "../kit/backend.ts";

/** The name of a script: the operation that it is. */
export type RedisScript = keyof ReturnType<typeof scriptsFor>;

/** Whether a script is for many keys. */
export function isOfMany(script: RedisScript): boolean {
  return script.endsWith("Many");
}

/** What a client's options tell of what it is connected to. */
export interface ProxyOptions {
  readonly enableReadyCheck?: boolean | undefined;
  readonly disableClientInfo?: boolean | undefined;
}

/**
 * Whether a client may be connected to a proxy in front of several servers, such as twemproxy, which sends a script to the
 * server of its first key: that knows neither INFO nor CLIENT, so that the client asks for neither.
 */
export function mayBeProxy(options: ProxyOptions | undefined): boolean {
  return options === undefined || options.enableReadyCheck === false ||
    options.disableClientInfo === true;
}

/**
 * The scripts, for a server or for a cluster. KEYS: the lease, and the entry, but for `get`, `renew` and `release`; where leases
 * are kept alone, the lease twice.
 * The fields of a lease: its owner, the owner of the last one that ended failed or uncached, with how, how many fetches have
 * failed in a row, and how long the rest of the lease's time is after the one in which nobody is to fetch; of an owner that
 * was announced, the channel that its process is subscribed to, at which server, and what was left of the lease when nobody
 * was, for the first time since.
 */
export function scriptsFor({ cluster }: { readonly cluster: boolean }) {
  const wake = cluster ? SHARDED_WAKE : WAKE;
  const tell = cluster ? tellAll : tellCounted;
  const presence = presenceIn(cluster);
  // ARGV: owner, ttl, the lease that was waited for, for how long an entry is fresh at most that isn't in the way, whether
  // to back off, an entry to ignore.
  const acquire = `
local stored = KEYS[1] ~= KEYS[2] and read('GET', KEYS[2])
local entry, life = false, 0
if type(stored) == 'string' and stored ~= ARGV[6] then
  entry, life = stored, redis.call('PTTL', KEYS[2])
  local fresh = life < 0 and ${FOREVER} or life - ${STALE_FOR}
  if fresh > tonumber(ARGV[4]) then return {entry, life} end
end
local left = redis.call('PTTL', KEYS[1])
local lease, replaced = {}, 0
if left ~= -2 or not allowed then
  lease = read('HMGET', KEYS[1], 'owner', 'last', 'how', 'failures', 'after', 'channel', 'server', 'missing')
  replaced = lease.err and 1 or 0
  if lease.err or lease[1] == '' or left < 0 or left > ${LONGEST_LEASE} then
    redis.call('DEL', KEYS[1])
    lease = {}
  end
end
local owner, last, how = lease[1], lease[2], lease[3]
local after = tonumber(lease[5])
local watched = 0
if owner and lease[6] and owner ~= ARGV[1] then
  ${presence}
  local there, missing = subscribers(lease[6]), tonumber(lease[8])
  watched = there and (there > 0 or lease[7] == server()) and 1 or 0
  if watched == 1 and there > 0 then
    if missing then redis.call('HDEL', KEYS[1], 'missing') end
  elseif watched == 1 and missing and missing - left >= ${GRACE} then
    owner, after = false, nil
  elseif watched == 1 and not (missing and missing >= left) then
    redis.pcall('HSET', KEYS[1], 'missing', left)
  end
end
local quiet = not owner and after and after >= 0 and left - after or 0
if not owner and not (how == 'uncached' and last == ARGV[3] and last ~= '') and not (ARGV[5] == '1' and quiet > 0) then
  ${FILLS}
  owner, left, watched = ARGV[1], ARGV[2], 0
  redis.call('HSET', KEYS[1], 'owner', owner)
  if lease[6] then redis.call('HDEL', KEYS[1], 'channel', 'server', 'missing') end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return {entry, life, owner or false, left, last or false, how or false, replaced,
  tonumber(lease[4]) or 0, quiet, watched}`;
  const scripts = {
    acquire: `
${READ}
${ALLOWED}
${acquire}`,

    // ARGV: owner, ttl.
    renew: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
redis.call('HDEL', KEYS[1], 'missing')
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`,

    // ARGV: owner, channel. Not where the subscription isn't seen, as it is at another server, or this user may not ask.
    announce: `
${READ}
if read('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
${presence}
if (subscribers(ARGV[2]) or 0) < 1 then return 0 end
redis.call('HSET', KEYS[1], 'channel', ARGV[2], 'server', server())
return redis.call('HDEL', KEYS[1], 'missing')`,

    // ARGV: owner, value, how long it is there, and as `tell`, which is for nothing where no entry was. A client sends again
    // what it got no reply to: then this very value is there, fresh, and no lease.
    fill: `
${READ}
local owner = read('HGET', KEYS[1], 'owner')
if owner ~= ARGV[1] then
  local entry, life = read('GET', KEYS[2]), redis.call('PTTL', KEYS[2])
  local filled = not owner and entry == ARGV[2] and (life < 0 or life > ${STALE_FOR})
  return filled and 1 or 0
end
local isNews = redis.call('PTTL', KEYS[2]) ~= -2
redis.call('SET', KEYS[2], ARGV[2], unpack(ARGV[3] ~= '' and {'PX', ARGV[3]} or {}))
redis.call('DEL', KEYS[1])
${wake}
if isNews then ${tell(4)} end
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

    // ARGV: value, how long it is there, and as `tell`.
    set: `
redis.call('SET', KEYS[2], ARGV[1], unpack(ARGV[2] ~= '' and {'PX', ARGV[2]} or {}))
redis.call('DEL', KEYS[1])
${wake}
${tell(3)}
return 1`,

    // ARGV: as `tell`.
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
${tell(1)}
return 1`,

    // ARGV: as `tell`.
    delete: `
redis.call('DEL', KEYS[2], KEYS[1])
${wake}
${tell(1)}
return 1`,

    // The number of the last change, behind the epoch that it belongs to. KEYS: what counts them. ARGV: the epoch, if there is
    // none; the channel, if a message is to tell of nothing.
    look: `
local epoch, number = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'number'))
if not (epoch and number) then epoch, number = ARGV[1], '0' end
if ARGV[2] then
  number = string.format('%.0f', number + 1)
  redis.call('PUBLISH', ARGV[2], epoch .. ' ' .. number)
end
redis.call('HSET', KEYS[1], 'epoch', epoch, 'number', number)
redis.call('PEXPIRE', KEYS[1], ${COUNTED})
return {epoch, number}`,

    // Sends a message on a channel. In a cluster it reaches those who listen at any node.
    say: `return redis.call('PUBLISH', KEYS[1], ARGV[1])`,

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
  return {
    ...scripts,
    // For none, if there is nothing of any; for each its value, if that is nothing else and may be of any age; otherwise as `get`.
    // ARGV: whether the age is asked for. What MGET finds nothing of may be of another type, and the user may use no more than GET.
    getMany: `
if redis.pcall('EXISTS', unpack(KEYS)) == 0 then return {} end
local found = redis.pcall('MGET', unpack(KEYS))
if found.err then found = {} end
for i, key in ipairs(KEYS) do
  local entry = found[i] or redis.pcall('GET', key)
  local isAged = type(entry) == 'string' and (ARGV[1] == '1' or string.byte(entry) == 0)
  found[i] = isAged and {redis.call('PTTL', key), entry} or entry
end
return found`,
    acquireMany: forEach(2, acquire, READ + ALLOWED),
    renewMany: forEach(1, scripts.renew),
    fillMany: forEach(2, scripts.fill),
    releaseMany: forEach(1, scripts.release),
  };
}

/**
 * Does the same for many, each with so many KEYS. ARGV: for each, how many arguments it has, and these. So many keys are one
 * script to the server, which takes an error of one for an error of all; it can be run once more.
 */
function forEach(keys: 1 | 2, script: string, before = ""): string {
  return `
${before}
local names, given, answers, at = KEYS, ARGV, {}, 1
for i = 1, #names / ${keys} do
  local KEYS = {${keys === 1 ? "names[i]" : "names[2 * i - 1], names[2 * i]"}}
  local ARGV = {unpack(given, at + 1, at + given[at])}
  at = at + 1 + given[at]
  answers[i] = (function ()
${script}
  end)()
end
return answers`;
}

/** For how long changes are counted after the last look of a client that is told of them, in milliseconds. */
const COUNTED = 60_000;

/**
 * Tells of a change, if somebody has looked for their number lately. ARGV, from `at` on: the channel, by whose name they are
 * counted, too, and the hash of the key; nothing where none are told. What can't be done must not undo what has been written: a
 * number without its message is a message that was lost.
 */
function tellCounted(at: number): string {
  return `
if ARGV[${at}] then
  local counted = redis.pcall('HMGET', ARGV[${at}], 'epoch', 'number')
  if counted[1] and counted[2] then
    local number = string.format('%.0f', counted[2] + 1)
    redis.pcall('HSET', ARGV[${at}], 'number', number)
    redis.pcall('PUBLISH', ARGV[${at}], counted[1] .. ' ' .. number .. ' ' .. ARGV[${at + 1}])
  end
end`;
}

/**
 * Tells of a change in a cluster, where nothing can count over all slots, by a channel that all nodes have. ARGV, from `at` on:
 * as before.
 */
function tellAll(at: number): string {
  return `
if ARGV[${at}] then redis.pcall('PUBLISH', ARGV[${at}], ARGV[${at + 1}]) end`;
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
  if not allowed then
    redis.call('HGET', KEYS[1], 'owner')
    redis.call('HDEL', KEYS[1], 'owner')
    if KEYS[1] ~= KEYS[2] and not stored then redis.call('SET', KEYS[2], '', 'XX') end
    allowed = true
  end`;
// Whether this user is known to have the rights to all commands that a lease needs: each script asks for them once.
const ALLOWED = `
local allowed = false`;
/**
 * How many are subscribed to a channel, nil where that can't be asked, and at which server: a subscription at another, as
 * before a failover, says nothing here.
 */
function presenceIn(cluster: boolean): string {
  const count = cluster ? "SHARDNUMSUB" : "NUMSUB";
  const server = cluster ? "'CLUSTER', 'MYID'" : "'INFO', 'server'";
  const id = cluster ? "reply" : "string.match(reply, 'run_id:(%x+)')";
  return `
  local function subscribers(channel)
    local reply = redis.pcall('PUBSUB', '${count}', channel)
    return type(reply) == 'table' and tonumber(reply[2])
  end
  local function server()
    local reply = redis.pcall(${server})
    return type(reply) == 'string' and ${id} or ''
  end`;
}
// A push that can't be sent, where the user may use no channels, must not undo what has been written.
const WAKE = `redis.pcall('PUBLISH', KEYS[1], '')`;
const SHARDED_WAKE = `if type(redis.pcall('SPUBLISH', KEYS[1], '')) == 'table' then ${WAKE} end`;
