import { answer, messages } from "../../tests/support/worker.ts";
import type { L1Backend } from "./measured.ts";
import { type Library, loadLibrary } from "./peer.ts";

/** What one of the processes begins with that read the same keys. */
export interface L1Job {
  readonly backend: L1Backend;
  readonly url: string;
}

/** What it is asked to do. */
export interface L1Task {
  /** For how long its L1 keeps an entry, in milliseconds; it has none without. */
  readonly ttl: number | undefined;
  readonly prefix: string;
  readonly keys: number;
  /** How many reads a second. */
  readonly rate: number;
  /** The time between two writes, in milliseconds, and whether this process makes them. */
  readonly every: number;
  readonly writes: boolean;
  /** For how long it reads unmeasured, and then measured, in milliseconds. */
  readonly warmup: number;
  readonly millis: number;
  /** The moment: epoch milliseconds. */
  readonly begins: number;
}

/** What it answers. All moments are by the clock that the processes share. */
export interface L1Share {
  readonly reads: number;
  /** How many of them hit in L1, and how many failed. */
  readonly hits: number;
  readonly failed: number;
  /** How many statements its client has sent; of Postgres alone. */
  readonly sent: number;
  /** When each write was over, by its number. */
  readonly written: readonly (readonly [number: number, at: number])[];
  /** When the first and the last read began that found what a write had written, by its number. */
  readonly read: readonly (readonly [number: number, first: number, last: number])[];
}

/** How many reads a process has under way at most: without an L1, a backend answers no more. */
const MOST = 16;

/** Reads and writes as it is told to, by one line after the other, until there is none. */
export async function runL1({ backend, url }: L1Job): Promise<void> {
  const time = sharedTime();
  const library = await loadLibrary("now");
  answer("ready");
  for await (const task of messages<L1Task>()) {
    const { make, sent, close } = await clients[backend](library, url);
    try {
      answer(await runTask(make(task.ttl), sent, task, time));
    } finally {
      await close();
    }
  }
}

interface Clients {
  readonly make: (ttl: number | undefined) => ReturnType<Library["createCache"]>;
  /** How many statements were sent by now. */
  readonly sent: () => number;
  readonly close: () => unknown;
}

const clients: Record<L1Backend, (library: Library, url: string) => Promise<Clients>> = {
  async redis({ createCache, redisAdapter }, url) {
    const { Redis } = await import("ioredis");
    const client = new Redis(url);
    const adapter = redisAdapter({ client });
    return {
      make: (ttl) => createCache({ adapter, cacheTtl: "1 hour", l1: ttl !== undefined && { ttl } }),
      sent: () => 0,
      close: () => client.quit(),
    };
  },
  async postgres({ createCache, postgresAdapter }, url) {
    const { default: postgres } = await import("postgres");
    let sent = 0;
    const sql = postgres(url, { onnotice: () => {}, debug: () => void sent++ });
    const adapter = postgresAdapter({ sql });
    return {
      make: (ttl) => createCache({ adapter, cacheTtl: "1 hour", l1: ttl !== undefined && { ttl } }),
      sent: () => sent,
      close: () => sql.end(),
    };
  },
};

async function runTask(
  cache: ReturnType<Clients["make"]>,
  sent: () => number,
  { prefix, keys, rate, every, writes, warmup, millis, begins }: L1Task,
  time: () => number,
): Promise<L1Share> {
  const measured = { from: begins + warmup, until: begins + warmup + millis };
  const keyOf = (number: number) => `${prefix}:${(number + keys) % keys}`;
  const write = (number: number) => cache.set(keyOf(number), { number, notes: "x".repeat(200) });
  const never = (): Promise<{ number: number }> => Promise.reject(new Error("There is an entry"));
  const written: [number, number][] = [];
  const read = new Map<number, { first: number; last: number }>();
  let reads = 0;
  let failed = 0;
  let open = 0;

  async function readOne(key: string): Promise<void> {
    const began = time();
    open++;
    try {
      const { number } = await cache.getOrSet(key, never);
      const known = read.get(number);
      if (known === undefined) read.set(number, { first: began, last: began });
      else if (known.last < began) known.last = began;
      else if (known.first > began) known.first = began;
    } catch {
      failed++;
    }
    open--;
  }

  async function writeOne(number: number): Promise<void> {
    try {
      await write(number);
      written.push([number, time()]);
    } catch {
      failed++;
    }
  }

  if (writes) {
    await Promise.all(Array.from({ length: keys }, (_, key) => write(key - keys)));
  }
  await new Promise((resolve) => setTimeout(resolve, begins - time()));
  let sentBefore = sent();
  let hitsBefore = 0;
  let isMeasured = false;
  let called = 0;
  let writing = 0;
  await new Promise<void>((resolve) => {
    const turn = () => {
      const now = time();
      if (now >= measured.until) return resolve();
      if (!isMeasured && now >= measured.from) {
        isMeasured = true;
        sentBefore = sent();
        hitsBefore = cache.stats().l1Hits;
      }
      setTimeout(turn, 1);
      const current = Math.floor((now - begins) / every);
      if (writes) { for (; writing <= current; writing++) void writeOne(writing); }
      const due = Math.floor((now - begins) * rate / 1000);
      for (; called < due && open < MOST; called++) {
        // Two of five look for what is written now and what was last: otherwise a key has its turn each 20 ms.
        const place = called % 5;
        const number = place < 2 ? current - place : Math.floor(Math.random() * keys);
        if (isMeasured) reads++;
        void readOne(keyOf(number));
      }
      // A pause is not made up for.
      called = Math.max(called, due - 10 * MOST);
    };
    turn();
  });
  const share = {
    reads,
    hits: cache.stats().l1Hits - hitsBefore,
    failed,
    sent: sent() - sentBefore,
    written,
    read: Array.from(read, ([number, { first, last }]) => [number, first, last] as const),
  };
  await cache.close();
  return share;
}

/** Epoch milliseconds, to some microseconds: what `Date.now` says in all processes of a machine, with more digits. */
function sharedTime(): () => number {
  let offset = -Infinity;
  for (let tries = 0; tries < 5; tries++) {
    const before = Date.now();
    let now = before;
    while (now === before) now = Date.now();
    // Whoever is held up between the two finds less.
    offset = Math.max(offset, now - performance.now());
  }
  return () => performance.now() + offset;
}
