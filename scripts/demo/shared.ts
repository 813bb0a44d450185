import type { Store } from "../../mod.ts";
import type { Orders } from "./process_herds.ts";

/** How long what is written lives, in seconds. */
export const MINUTE = 60;

/** What the processes of the demo share: a cache, and its bare reads and writes. */
export interface Shared {
  readonly store: Store<unknown>;
  get(key: string): Promise<string | null>;
  set(key: string, value: string): Promise<unknown>;
  /** Adds one to a number, which is 0 at first, and returns it. */
  add(name: string): Promise<number>;
  close(): void;
}

/** Opens it. */
export type OpenShared = (orders: Orders) => Promise<Shared>;
