import type { Store } from "./store.ts";

/** The stores that exist, found by the objects that their options hold, so that these can still be collected. */
interface Branch {
  readonly next: WeakMap<object, Branch>;
  readonly stores: Map<string, Store<unknown>>;
}

const root = makeBranch();

/**
 * One store for the same adapter with the same options, so that the callers of configs that are written out in each call
 * meet: clients and codecs are the same if they are the same object, everything else if it is equal.
 */
export function sharedStore(
  adapter: string,
  options: object,
  make: () => Store<unknown>,
): Store<unknown> {
  const owners: object[] = [];
  const text = adapter + JSON.stringify(identity(options, owners));
  let branch = root;
  for (const owner of owners) {
    let next = branch.next.get(owner);
    if (next === undefined) branch.next.set(owner, next = makeBranch());
    branch = next;
  }
  let store = branch.stores.get(text);
  if (store === undefined) branch.stores.set(text, store = make());
  return store;
}

function makeBranch(): Branch {
  return { next: new WeakMap(), stores: new Map() };
}

/** What tells the options apart: their plain data, and how many owners lie where. */
function identity(options: object, owners: object[]): unknown {
  return Object.entries(options).filter(([, value]) => value !== undefined).sort(byName).map(
    ([name, value]) => {
      if (!isObject(value)) return [name, typeof value, String(value)];
      const data = Object.entries(value);
      if (isPlain(value) && !data.some(([, inner]) => isObject(inner))) {
        return [name, data.map(([inner, leaf]) => [inner, typeof leaf, String(leaf)]).sort()];
      }
      return [name, owners.push(value)];
    },
  );
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}
