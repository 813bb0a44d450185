import type { Store } from "./store.ts";

/** The stores that exist, found by the objects that their options hold, so that these can still be collected. */
interface Branch {
  readonly next: WeakMap<object, Branch>;
  readonly stores: Map<string, Store<unknown>>;
}

const makeBranch = (): Branch => ({ next: new WeakMap(), stores: new Map() });
const root = makeBranch();

/**
 * One store for the same adapter with the same options, so that the callers of configs that are written out in each call
 * meet: clients and codecs are the same if they are the same object, plain data is if it is equal.
 */
export function sharedStore(
  adapter: string,
  options: object,
  make: () => Store<unknown>,
): Store<unknown> {
  const owners: object[] = [];
  const entries = Object.entries(options).sort(([a], [b]) => a < b ? -1 : 1);
  const text = JSON.stringify(
    entries.flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, isObject(value) && !isData(value) ? owners.push(value) : value]];
    }),
    // JSON has no bigints; no option is one, which is for the adapter to say.
    (_, value) => typeof value === "bigint" ? [String(value)] : value,
  );
  let branch = root;
  for (const owner of owners) {
    let next = branch.next.get(owner);
    if (next === undefined) branch.next.set(owner, next = makeBranch());
    branch = next;
  }
  let store = branch.stores.get(adapter + text);
  if (store === undefined) branch.stores.set(adapter + text, store = make());
  return store;
}

function isData(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype && !Object.values(value).some(isObject);
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}
