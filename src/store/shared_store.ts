import type { Store } from "./store.ts";

/** How many stores are kept at most for the same clients: those used last. */
const MOST_STORES = 100;

/** The stores that are kept, found by the objects that their options hold, so that these can still be collected. */
interface Branch {
  readonly next: WeakMap<object, Branch>;
  /** The one used last comes last. */
  readonly stores: Map<string, Store<unknown>>;
}

const makeBranch = (): Branch => ({ next: new WeakMap(), stores: new Map() });
const root = makeBranch();

/**
 * One store for the same adapter with the same options, so that the callers of configs that are written out in each call
 * meet: clients and codecs are the same if they are the same object, plain data is if it is equal.
 *
 * Of the stores of the same clients the last {@linkcode MOST_STORES} are kept, so that a prefix for each tenant costs no
 * memory for good; who uses one that was let go of gets a new one, whose callers meet those of the old one by the lease.
 */
export function sharedStore(
  adapter: string,
  options: object,
  make: () => Store<unknown>,
): Store<unknown> {
  const owners: object[] = [];
  const entries = Object.entries(options).sort(([a], [b]) => a < b ? -1 : 1);
  const text = JSON.stringify([
    adapter,
    ...entries.flatMap(([name, value]) => {
      if (value === undefined) return [];
      const isOwner = isObject(value) && !isData(value);
      return [isOwner ? [name, "owner", owners.push(value)] : [name, typeof value, value]];
    }),
    // JSON has no bigints; no option is one, which is for the adapter to say.
  ], (_, value) => typeof value === "bigint" ? String(value) : value);
  let branch = root;
  for (const owner of owners) {
    let next = branch.next.get(owner);
    if (next === undefined) branch.next.set(owner, next = makeBranch());
    branch = next;
  }
  const { stores } = branch;
  const store = stores.get(text) ?? make();
  stores.delete(text);
  stores.set(text, store);
  if (stores.size > MOST_STORES) stores.delete(stores.keys().next().value!);
  return store;
}

function isData(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype && !Object.values(value).some(isObject);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
