import {
  type Change,
  type ChangesDriver,
  type ChangesLine,
  hashOf,
} from "../../adapters/kit/changes.ts";
import type { Backend } from "./backend.ts";
import type { Remote } from "./remote.ts";
import type { ChangesPlan } from "./scenario.ts";

/** What counts changes at the backend, and tells of them. */
export interface Counter {
  readonly changed: (key: string) => void;
  readonly look: (aloud: boolean) => Change;
  readonly subscribe: (tell: (change: Change) => void) => () => void;
  /** Begins to count anew, or with a number that was there before, as a replica that lags does. */
  readonly recount: (how: "anew" | "back") => void;
}

/** Makes one. */
export function makeCounter(): Counter {
  let epoch = 1;
  let number = 0;
  const subscribers = new Set<(change: Change) => void>();
  const next = (hash?: number) => {
    const change = { epoch: String(epoch), number: ++number, hash };
    for (const tell of [...subscribers]) tell(change);
  };
  return {
    changed: (key) => next(fewHashes(key)),
    look(aloud) {
      if (aloud) next();
      return { epoch: String(epoch), number };
    },
    subscribe(tell) {
      const own = (change: Change) => tell(change);
      subscribers.add(own);
      return () => void subscribers.delete(own);
    },
    recount(how) {
      if (how === "anew") epoch++;
      number = how === "anew" ? 0 : Math.max(0, number - 2);
    },
  };
}

/** A hash that keys share. */
export function fewHashes(key: string): number {
  return hashOf(key) % 3;
}

/** The same backend, which has its changes counted: what is filled where nothing was is nobody's news. */
export function counted(backend: Backend, { changed }: Counter): Backend {
  return {
    ...backend,
    set: (key, ...rest) => {
      backend.set(key, ...rest);
      changed(key);
    },
    expire: (key) => {
      backend.expire(key);
      changed(key);
    },
    delete: (key) => {
      backend.delete(key);
      changed(key);
    },
    fill: (key, ...rest) => {
      const wasThere = backend.get(key) !== undefined;
      const filled = backend.fill(key, ...rest);
      if (filled && wasThere) changed(key);
      return filled;
    },
  };
}

/** The line of a process, and what may befall it. */
export interface Line {
  readonly driver: ChangesDriver;
  /** Nothing comes for a while, and nobody says so. */
  readonly mute: (millis: number) => void;
  /** The connection is lost for a while; whether that is told before it is back. */
  readonly unplug: (millis: number, told: boolean) => void;
}

/** Makes one. */
export function lineOf(
  { world, process, way }: Remote,
  counter: Counter,
  { lost, late, twice, slow, lostAfter }: ChangesPlan,
  random: () => number,
): Line {
  let mutes = 0;
  let line: ChangesLine | undefined;
  /** The connection that stands, or is on its way. */
  let current: { end: () => void } | undefined;
  const disconnect = () => {
    current?.end();
    current = undefined;
  };
  const connect = () => {
    const own = current = { end: () => {} };
    const isUp = () => current === own;
    world.after(1, () => {
      if (!isUp()) return;
      own.end = counter.subscribe((change) => {
        if (mutes > 0 || random() < lost) return;
        const hear = () => isUp() && line?.heard(change);
        const takes = random() < late ? Math.floor(random() * 60) : 1;
        process.after(takes, hear);
        if (random() < twice) process.after(takes + Math.floor(random() * 20), hear);
      });
      process.after(1, () => isUp() && line?.stands());
    });
  };
  return {
    driver: {
      open(told) {
        line = told;
        connect();
        return () => {
          line = undefined;
          disconnect();
        };
      },
      look: (aloud) =>
        new Promise((resolve, reject) => {
          const { there, back: shortest, trouble } = way();
          const back = shortest + (random() < slow ? Math.floor(random() * lostAfter) : 0);
          if (trouble === "unsent") return void process.after(there + back, () => reject());
          if (trouble === "silent, unsent") return;
          world.after(there, () => {
            const last = counter.look(aloud);
            if (trouble === "silent") return;
            process.after(back, () => trouble === "lost" ? reject() : resolve(last));
          });
        }),
    },
    mute(millis) {
      mutes++;
      world.after(millis, () => void mutes--);
    },
    unplug(millis, told) {
      if (current === undefined) return;
      disconnect();
      if (told) process.after(0, () => line?.lost());
      process.after(millis, () => {
        if (line !== undefined && current === undefined) connect();
      });
    },
  };
}
