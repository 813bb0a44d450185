import type { Add, Attributes } from "./instruments.ts";

/** The sum of one series, which is read when it is asked for. */
export interface Sum {
  readonly attributes: Attributes;
  value: number;
}

/** The sums of a counter's series: the same attributes are the same series. */
export interface Sums {
  /** What adds to a series, which `begin` is told of that is new. */
  series(attributes: Attributes): Add;
  readonly all: Iterable<Sum>;
}

/** Makes the sums of a counter. */
export function makeSums(begin: (sum: Sum) => void = () => {}): Sums {
  const sums = new Map<string, Sum>();
  return {
    series(attributes) {
      const id = JSON.stringify(Object.entries(attributes).sort());
      let sum = sums.get(id);
      if (sum === undefined) {
        const made = sum = { attributes, value: 0 };
        sums.set(id, made);
        begin(made);
      }
      const own = sum;
      return (amount) => void (own.value += amount);
    },
    all: { [Symbol.iterator]: () => sums.values() },
  };
}
