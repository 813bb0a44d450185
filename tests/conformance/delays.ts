/** How often it is looked whether this process stands still, in milliseconds. */
const BEAT = 10;

/** What came late since it was begun to measure. */
export interface Delays {
  /** For how long this process stood still at most, or what was added, in milliseconds. */
  readonly longest: () => number;
  /** Adds what took so many milliseconds. */
  readonly add: (millis: number) => void;
  /** Adds what takes from now on until the end is told. */
  readonly begin: () => () => void;
  readonly stop: () => void;
}

/** Measures from now on how late this process is, because its machine is busy or stands still. */
export function startDelays(): Delays {
  let longest = 0;
  let last = performance.now();
  const add = (millis: number) => void (longest = Math.max(longest, millis));
  const beat = () => {
    const now = performance.now();
    add(now - last - BEAT);
    last = now;
  };
  const timer = setInterval(beat, BEAT);
  const begun = new Set<{ readonly at: number }>();
  return {
    longest() {
      beat();
      return Math.max(longest, ...[...begun].map(({ at }) => last - at));
    },
    add,
    begin() {
      const each = { at: performance.now() };
      begun.add(each);
      return () => {
        begun.delete(each);
        add(performance.now() - each.at);
      };
    },
    stop: () => clearInterval(timer),
  };
}
