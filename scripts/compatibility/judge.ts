import { HANGS, now, type Outcome, type Play, type Player } from "./player.ts";

/** What was seen of one promise. */
export interface Seen {
  /** Whether it was kept; `failed`: callers had an error; `broken`: they had what they never must. */
  readonly verdict: "kept" | "failed" | "broken";
  /** What was seen, in a few words. */
  readonly words: string;
}

/** What was seen of a backend. */
export interface Judgement {
  /** A herd of each key in three processes: one fetch, cold, and once more after the entry has expired. */
  readonly oneFetch: Seen;
  /** A fetch that began before a delete: its value isn't there afterwards. */
  readonly fence: Seen;
  /** A follower that looks every ten seconds: whether the fill wakes it. Never broken. */
  readonly push: Seen;
  /** A leader that is killed while others wait: one of them fetches. */
  readonly takeover: Seen;
}

/** How it is judged. */
export interface Pace {
  /** How long the fetch takes that a push ends, in milliseconds: longer than what stands between lets a connection idle. */
  readonly pushed?: number;
  /** How long nobody calls before each play, in milliseconds. */
  readonly idle?: number;
}

const KEYS = 20;
const CALLERS = 5;
const FETCH = 300;
const LIFE = 3000;
/** Some servers tell the time in whole seconds, and take one more or less. */
const SECOND = 1500;
const LEASE = 2000;
const LOOK = 10_000;

/** How late a push may be, in milliseconds; who isn't pushed looks each second where dead leaders can be told of. */
const PUSHED = 250;

/** Has three players play over one backend, of whom the first is killed in the end. Rejects if none can call. */
export async function judge(
  players: readonly [Player, Player, Player],
  { pushed = 600, idle = 0 }: Pace = {},
): Promise<Judgement> {
  const [leader, follower, third] = players;
  const nonce = `${Math.random()}`.slice(2);
  const play = (name: string, more: Partial<Play> = {}): Play => ({
    key: `${name}-${nonce}`,
    callers: CALLERS,
    fetch: FETCH,
    value: name,
    leaseTtl: 5000,
    cacheTtl: 60_000,
    ...more,
  });
  for (const player of players) {
    const first = play("first", { callers: 1, fetch: 0 });
    const { errors: [reason] } = await player.call(first).outcome;
    if (reason !== undefined) throw new Error(reason);
  }

  async function oneFetch(): Promise<Seen> {
    const sums: Sum[] = [];
    const herds = async (atOnce: number, more: Partial<Play>) => {
      for (let from = 0; from < KEYS; from += atOnce) {
        await Promise.all(Array.from({ length: atOnce }, async (_, index) => {
          const herd = play(`herd-${from + index}`, { cacheTtl: LIFE, ...more });
          const calls = players.map((player) => player.call(herd).outcome);
          sums.push(sumOf(await Promise.all(calls)));
        }));
      }
    };
    await herds(KEYS, {});
    await pause(LIFE + SECOND);
    // Now the leases are taken over expired entries, by each caller for itself.
    await herds(4, { coalesce: false });
    // On a busy machine one may come when the entry has expired already.
    const early = FETCH + LIFE - SECOND;
    const tooMany = sums.filter(({ fetches: [first = 0, ...more] }) =>
      more.some((fetch) => fetch - first < early)
    );
    const words = `1 fetch in ${sums.length - tooMany.length} of ${sums.length} herds`;
    const most = Math.max(...tooMany.map(({ fetches }) => fetches.length));
    return seen(sums, tooMany.length > 0 && `${words}, ${most} in another`, words);
  }

  async function fence(): Promise<Seen> {
    // So long a lease that no renewal finds out before the fill is sent.
    const terms = { leaseTtl: 30_000 };
    const late = [play("deleted", terms), play("refilled", terms)].map((old) => ({
      key: old.key,
      ...leader.call({ ...old, callers: 1, fetch: 2000, value: "old" }),
    }));
    const [deleted, refilled] = late as [typeof late[0], typeof late[0]];
    await Promise.all(late.map(({ fetching, outcome }) => Promise.race([fetching, outcome])));
    await Promise.all(late.map(({ key }) => third.delete(key)));
    const fresh = await follower.call(play("refilled", { fetch: 50, value: "new" })).outcome;
    const ended = await Promise.all(late.map(({ outcome }) => outcome));
    const left = await Promise.all([third.get(deleted.key), third.get(refilled.key)]);
    const sums = [...ended, fresh].map((outcome) => sumOf([outcome]));
    const old = left[0] !== undefined
      ? "a value from before a delete was stored after it"
      : left[1] !== "new" || fresh.values.join() !== "new"
      ? "a value from before a delete was read after it"
      : false;
    return seen(sums, old, "the old value is refused");
  }

  async function push(): Promise<Seen> {
    const slow = play("pushed", { fetch: pushed, leaseTtl: 30_000, pause: LOOK });
    const leading = leader.call({ ...slow, callers: 1 });
    await Promise.race([leading.fetching, leading.outcome]);
    const [led, followed] = await Promise.all([leading.outcome, follower.call(slow).outcome]);
    const { errors, fetches } = sumOf([led, followed]);
    const late = Math.round(followed.returned - led.returned);
    if (errors.length > 0) return { verdict: "failed", words: errors[0]! };
    if (fetches.length !== 1) {
      return { verdict: "broken", words: `${fetches.length} fetches of one key` };
    }
    return late < PUSHED
      ? { verdict: "kept", words: `${Math.max(0, late)} ms after the fill` }
      : { verdict: "failed", words: "none: followers look" };
  }

  async function takeover(): Promise<Seen> {
    const plays = [0, 1, 2].map((index) => play(`killed-${index}`, { leaseTtl: LEASE }));
    const killed = plays.map((play) => leader.call({ ...play, callers: 1, fetch: 60_000 }));
    await Promise.all(killed.map(({ fetching, outcome }) => Promise.race([fetching, outcome])));
    const waiting = plays.map((play) =>
      [follower, third].map((player) => player.call({ ...play, fetch: 500 }).outcome)
    );
    await pause(500);
    const at = now();
    leader.kill();
    const outcomes = await Promise.all(waiting.map((calls) => Promise.all(calls)));
    const sums = outcomes.map(sumOf);
    const most = Math.max(...sums.map(({ fetches }) => fetches.length));
    const after = Math.max(...outcomes.flat().map(({ returned }) => returned)) - at;
    const words = `${(after / 1000).toFixed(1)} s after the kill`;
    const many = most !== 1 && `${most} fetches after one leader was killed`;
    // The lease, the fetch, and a look or two.
    const late = after > LEASE + 5000;
    const seenOf = seen(sums, many, words);
    return seenOf.verdict === "kept" && late ? { verdict: "failed", words } : seenOf;
  }

  const next = async (play: () => Promise<Seen>): Promise<Seen> => {
    await pause(idle);
    return await play().catch(({ message }: Error) => ({ verdict: "failed", words: message }));
  };
  return {
    oneFetch: await next(oneFetch),
    fence: await next(fence),
    push: await next(push),
    takeover: await next(takeover),
  };
}

interface Sum {
  readonly fetches: readonly number[];
  readonly errors: readonly string[];
  readonly fallbacks: number;
}

function sumOf(outcomes: readonly Outcome[]): Sum {
  return {
    fetches: outcomes.flatMap(({ fetches }) => fetches).sort((a, b) => a - b),
    errors: outcomes.flatMap(({ errors }) => errors),
    fallbacks: outcomes.filter(({ outcomes }) => "MISS-FOLLOWER-FALLBACK" in outcomes).length,
  };
}

/** An error explains what else is wrong. */
function seen(sums: readonly Sum[], broken: string | false, kept: string): Seen {
  const error = sums.flatMap(({ errors }) => errors)[0];
  if (error !== undefined) return { verdict: error === HANGS ? "broken" : "failed", words: error };
  if (sums.some(({ fallbacks }) => fallbacks > 0)) {
    return { verdict: "failed", words: "followers waited in vain, and fetched for themselves" };
  }
  return broken ? { verdict: "broken", words: broken } : { verdict: "kept", words: kept };
}

function pause(millis: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, millis));
}
