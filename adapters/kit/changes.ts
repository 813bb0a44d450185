import { nothing } from "../../src/effect/nothing.ts";
import type { Changes, ChangesListener } from "../../src/store/store.ts";
import { unref } from "./push.ts";

/** A change, as it is told of. */
export interface Change {
  /** By what the numbers belong together: another where they began anew. */
  readonly epoch: string;
  /** Each change has the next number. */
  readonly number: number;
  /** The hash of the key that was changed; none for a message that tells only that it was heard. */
  readonly hash?: number | undefined;
}

/** What becomes of a line that tells of changes. */
export interface ChangesLine {
  /** It is subscribed to, maybe anew: what came before may have been missed. */
  stands(): void;
  /** It has told of a change. */
  heard(change: Change): void;
  /** It is not subscribed to any more. */
  lost(): void;
  /** There is none. */
  none(): void;
}

/** The part of changes that differs by backend. The number goes up and the change is told of in one step with the change. */
export interface ChangesDriver {
  /** Opens a line, and again whenever it was lost, until what this returns is called. */
  open(line: ChangesLine): () => void;
  /** The number of the last change. With `aloud` a message is sent, which has the next number. */
  look(aloud: boolean): Promise<Change>;
}

/** How changes are watched. */
export interface ChangesOptions {
  /** A time in milliseconds that never goes back. */
  readonly monotonic?: () => number;
  /** Does something later; what it returns prevents it. */
  readonly after?: (millis: number, then: () => void) => () => void;
  /** How often to look whether everything was heard, in milliseconds. */
  readonly every?: number;
  /** For how long the line is believed after such a look, in milliseconds. */
  readonly lostAfter?: number;
  /** After how long it is tried again where there is no line, in milliseconds; never by default. */
  readonly again?: number;
}

/**
 * Makes changes of a line that may lose what it tells, without being lost. Where the numbers of two messages aren't one after
 * the other, some were missed. Each second the last number is looked up, on another way than the line: only once everything
 * up to that number was heard is the line believed for 3 seconds more, counted from when the look began. So a line that has
 * gone silent is found out by the first change that it doesn't tell of, whether anything follows or not. One that is new, or
 * that was not believed any more, has to tell of a message that this process has sent.
 */
export function makeChanges(
  driver: ChangesDriver,
  {
    monotonic = () => performance.now(),
    after = later,
    every = 1_000,
    lostAfter = 3_000,
    again = Infinity,
  }: ChangesOptions = {},
): Changes {
  const listeners = new Set<ChangesListener>();
  let close: (() => void) | undefined;
  let isNone = false;
  const tell = (how: (listener: ChangesListener) => void) => [...listeners].forEach(how);

  const open = () => {
    let isOpen = false;
    let isOver = false;
    let epoch: string | undefined;
    let heard: number | undefined;
    let until = -Infinity;
    /** The look that is under way, and the one behind which not everything was heard yet. */
    let asked: { readonly at: number } | undefined;
    let awaited: { readonly at: number; readonly number: number } | undefined;
    let timer = nothing;

    const begin = () => {
      epoch =
        heard =
        asked =
        awaited =
          undefined;
      until = -Infinity;
      tell((listener) => {
        listener.missed();
        listener.stands(undefined);
      });
    };
    const believe = (at: number) => {
      awaited = undefined;
      until = at + lostAfter; // mutate: changes until
      tell((listener) => listener.stands(until));
    };
    const look = () => {
      timer();
      const at = monotonic();
      if (at >= until) tell((listener) => listener.stands(undefined));
      if (isOver) return;
      timer = after(every, look);
      if (!isOpen || asked !== undefined && at < asked.at + lostAfter) return;
      const own = asked = { at };
      const before = heard ?? -Infinity;
      driver.look(epoch !== undefined && at >= until).then((last) => {
        if (asked !== own) return;
        asked = undefined;
        if (epoch === undefined) {
          epoch = last.epoch;
          return look();
        }
        if (last.epoch !== epoch || last.number < before) { // mutate: changes counted anew
          begin();
          return look();
        }
        if (last.number <= (heard ?? -Infinity)) believe(at); // mutate: changes heard
        else if (awaited === undefined || awaited.at + lostAfter < at) {
          awaited = { at, number: last.number };
        }
      }, () => {
        if (asked === own) asked = undefined;
      });
    };
    let letGo = nothing;
    const open = () => {
      letGo = driver.open(line);
    };
    const line: ChangesLine = {
      stands() {
        isOpen = true;
        isNone = false;
        begin();
        look();
      },
      heard({ epoch: its, number, hash }) {
        // It is another's, or has begun anew, which the next look finds.
        if (its !== epoch) return;
        const isNext = number - 1 === heard;
        if (!isNext) tell((listener) => listener.missed()); // mutate: changes gap
        heard = number;
        if (hash !== undefined) tell((listener) => listener.changed(hash));
        if (awaited !== undefined && number >= awaited.number) believe(awaited.at);
      },
      lost() {
        isOpen = false;
        begin();
      },
      none() {
        letGo();
        letGo = again === Infinity ? nothing : after(again, open);
        isNone = true;
        tell((listener) => listener.none());
      },
    };
    open();
    return () => {
      isOver = true;
      asked = undefined;
      timer();
      letGo();
    };
  };

  return {
    hashOf,
    listen(listener) {
      listeners.add(listener);
      if (close === undefined) {
        isNone = false;
        close = open();
      } else if (isNone) Promise.resolve().then(() => listeners.has(listener) && listener.none());
      return () => {
        if (!listeners.delete(listener) || listeners.size > 0) return;
        close?.();
        close = undefined;
      };
    },
  };
}

/** FNV-1a of a text's UTF-16, in 31 bits: numbers of that size cost engines of JavaScript least. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return (hash ^ hash >>> 15) >>> 1;
}

/** Does something later, unless what it returns is called; it keeps no process alive. */
export function later(millis: number, then: () => void): () => void {
  const timer = unref(setTimeout(then, millis));
  return () => clearTimeout(timer);
}
