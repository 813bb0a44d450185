import { setTimeout as sleep } from "node:timers/promises";
import type { Event } from "../../tests/simulation/history.ts";
import { type Recording, sharedClock } from "../../tests/support/recording.ts";
import type { Caller } from "../../tests/support/callers.ts";

/**
 * For how long a leader has fetched that is killed: the backend knows that it is there by then, also over a slow network, and
 * the fetch isn't over before it is dead, also on a slow machine. In milliseconds.
 */
const LED = { least: 1300, most: 1600 } as const;

/** A fetch under a lease. */
interface Led {
  readonly process: number;
  readonly fetch: number;
  readonly key: string;
}

/** A process that leads a fetch. */
export interface Leader extends Led {
  readonly caller: Caller;
}

/** One of the processes, amid a fetch that it leads for a key of a prefix; undefined if none was found in so much time. */
export async function findLeader(
  callers: readonly Caller[],
  { added }: Recording,
  { prefix, within }: { readonly prefix: string; readonly within: number },
): Promise<Leader | undefined> {
  for (const end = performance.now() + within; performance.now() < end; await sleep(50)) {
    const led = ledIn(added, prefix);
    const caller = callers.find(({ number }) => number === led?.process);
    if (led !== undefined && caller !== undefined) return { ...led, caller };
  }
  return undefined;
}

/** A fetch that its process has led for long enough. */
function ledIn(events: readonly Event[], prefix: string): Led | undefined {
  const now = sharedClock();
  const recent = events.slice(events.findLastIndex(({ at }) => at < now - 2 * LED.most) + 1);
  const ended = new Set<number>();
  const asked = new Map<number, { readonly call: string; readonly key: string }>();
  const leading = new Map<string, string>();
  for (const event of recent) {
    if (event.type === "fetched") ended.add(event.fetch);
    else if (event.type === "ask" && event.question.key.startsWith(`${prefix}:`)) {
      const { key, owner } = event.question;
      asked.set(event.operation, { call: callIn(owner), key });
    } else if (event.type === "answer" && event.answer.is === "Leader") {
      const { call, key } = asked.get(event.operation) ?? {};
      if (call !== undefined) leading.set(call, key!);
    }
  }
  for (const event of recent) {
    if (event.type !== "fetch" || ended.has(event.fetch)) continue;
    const { process, fetch, call, at } = event;
    const key = leading.get(`call ${call}`);
    const isDue = now - at >= LED.least && now - at <= LED.most;
    if (key !== undefined && isDue) return { process, fetch, key };
  }
  return undefined;
}

/** The call that an owner's name begins with. */
function callIn(owner = ""): string {
  return owner.slice(0, owner.indexOf(":"));
}

/** Whether a leader that is dead was amid its fetch. */
export function diedAmid({ fetch }: Led, { added }: Recording): boolean {
  return !added.some((event) => event.type === "fetched" && event.fetch === fetch);
}

/** Resolves once another process has won the lease of one that is dead, or in so much time. */
export async function untilReplaced(
  { process, key }: Led,
  { added }: Recording,
  { within }: { readonly within: number },
): Promise<void> {
  const end = performance.now() + within;
  const crashed = added.find((event) => event.type === "crash" && event.process === process);
  const isReplaced = () => {
    const asked = new Set<number>();
    return added.some((event) => {
      if (event.type === "ask" && event.question.key === key) asked.add(event.operation);
      return event.type === "answer" && event.answer.is === "Leader" &&
        asked.has(event.operation) && event.process !== process &&
        event.at > (crashed?.at ?? Infinity);
    });
  };
  while (performance.now() < end && !isReplaced()) await sleep(250);
}
