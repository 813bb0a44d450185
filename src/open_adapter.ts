import { describe } from "./describe.ts";
import { lazyStore } from "./lazy_store.ts";
import type { OpenAdapter } from "./settings.ts";
import { sharedStore } from "./shared_store.ts";
import type { Store } from "./store.ts";

/** An adapter that is loaded on first use: the option that it can't do without, and what makes its store. */
export type RemoteAdapter<Options> = readonly [
  needs: keyof Options & string,
  load: (options: Options) => Promise<Store<unknown>>,
];

/** What makes the store of an adapter that needs no loading and no options. */
export type EmbeddedAdapter = (options?: object) => Store<unknown>;

/**
 * Opens the adapters that configs name, each once for a config object. An embedded one may be named without a config,
 * and is one store then.
 */
export function openerOf(
  embedded: Readonly<Record<string, EmbeddedAdapter>>,
  remote: Readonly<Record<string, RemoteAdapter<never>>>,
): OpenAdapter {
  const shared = new Map(Object.entries(embedded).map(([name, open]) => [name, open()]));
  const opened = new WeakMap<object, Store<unknown>>();
  const open = (type: string, options: Readonly<Record<string, unknown>> = {}) => {
    if (shared.has(type)) return embedded[type]!(options);
    if (!Object.hasOwn(remote, type)) return undefined;
    const [needs, load] = remote[type]!;
    const needed = options?.[needs];
    if (needed === undefined || needed === null) {
      throw new TypeError(`\`${needs}\` must be given, and is ${describe(needed)}`);
    }
    return sharedStore(
      `${type}, loaded`,
      options,
      () => lazyStore(type, () => load(options as never)),
    );
  };
  return (config) => {
    if (typeof config !== "object" || config === null) return shared.get(config as string);
    const known = opened.get(config);
    if (known !== undefined) return known;
    const { type, options } = config as { type: string; options?: Record<string, unknown> };
    const store = open(type, options);
    if (store !== undefined) opened.set(config, store);
    return store;
  };
}
