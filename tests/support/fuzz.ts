import { after, before, describe, it } from "node:test";
import type { Codec } from "../../mod.ts";
import type { Connection } from "./connection.ts";
import { type Damaged, survivesDamage } from "./fuzz/damage.ts";
import { bytes, type Hand, properties, type Target } from "./fuzz/properties.ts";

/** A backend that is attacked. */
export interface Fuzz extends Omit<Target, "store" | "ofBytes" | "hand"> {
  /** Why it can't be here. */
  readonly skip?: string | false;
  /** Opens a client, whose store has this codec, or its own. */
  readonly open: (codec?: Codec) => Promise<Connection>;
  /** Opens what writes past the adapter. */
  readonly hand?: () => Promise<OpenHand>;
  /** Opens what damages at random what is stored. */
  readonly damaged?: () => Promise<Damaged>;
}

/** What writes past the adapter, until it is closed. */
export interface OpenHand extends Hand {
  readonly close: () => unknown;
}

/** Attacks a backend with keys, values, bytes and failures of any kind. A failure tells the seed that repeats it. */
export function fuzz(
  name: string,
  { skip = false, open, hand: openHand, damaged: openDamaged, ...more }: Fuzz,
): void {
  describe(`${name}, fuzzed`, { skip }, () => {
    let target: Target;
    const closing: (() => unknown)[] = [];
    before(async () => {
      const [connection, ofBytes] = await Promise.all([open(), open(bytes)]);
      closing.push(connection.close, ofBytes.close);
      await Promise.all([connection.ready(), ofBytes.ready()]);
      const hand = await openHand?.();
      if (hand) closing.push(hand.close);
      target = { ...more, store: connection.store, ofBytes: ofBytes.store, ...hand && { hand } };
    });
    after(() => Promise.all(closing.map((close) => close())));

    for (const { name, byHand, run } of properties) {
      if (!byHand || openHand) it(name, () => run(target));
    }
    if (openDamaged !== undefined) {
      it("gives a value whatever is damaged, and has the key well again", async () => {
        const damaged = await openDamaged();
        try {
          await survivesDamage(damaged);
        } finally {
          await damaged.close?.();
        }
      });
    }
  });
}
