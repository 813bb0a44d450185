import { memoryAdapter } from "../../adapters/memory.ts";
import type { Store } from "../../mod.ts";
import { entriesOfHalf, storeOfHalves } from "../../src/store/halves.ts";
import { fuzz } from "../support/fuzz.ts";
import { handWritten } from "../support/hand_written.ts";

const here = (store: Store<unknown>) =>
  Promise.resolve({ store, ready: () => Promise.resolve(), close: () => {} });
const anyValue = { refuses: () => false, kept: (value: unknown) => value };

fuzz("memory", { ...anyValue, open: () => here(memoryAdapter()) });

const { cache, leases, corrupt } = handWritten(0);
fuzz("hand-written halves", {
  ...anyValue,
  open: () => here(storeOfHalves(entriesOfHalf(cache), leases)),
  nulls: "`null` is the miss in this layer",
  hand: () =>
    Promise.resolve({
      write: (key) => Promise.resolve(corrupt(key)),
      read: () => {
        throw new Error("corrupt");
      },
      close: () => {},
    }),
});
