import type { Store } from "../../mod.ts";

/** A store that writes down which of its operations are asked for. */
export function countedStore(store: Store<unknown>): {
  readonly store: Store<unknown>;
  readonly seen: string[];
} {
  const seen: string[] = [];
  const counted = new Proxy(store, {
    get: (target, name: keyof Store<unknown>) => {
      const method = target[name];
      return typeof method !== "function" ? method : (...args: never[]) => {
        seen.push(name);
        return (method as (...args: never[]) => unknown)(...args);
      };
    },
  });
  return { store: counted, seen };
}
