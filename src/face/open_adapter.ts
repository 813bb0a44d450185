import { describe } from "../model/describe.ts";
import { lazyStore } from "../store/lazy_store.ts";
import { type OpenAdapter, opening } from "./settings.ts";
import { sharedStore } from "../store/shared_store.ts";
import type { Store } from "../store/store.ts";

/** Adapters that are loaded on first use. */
export interface RemoteAdapters<Type extends string> {
  /** The options of which each needs one. */
  readonly needs: Readonly<Record<Type, readonly string[]>>;
  /** Loads one: what makes its store. It throws a `TypeError` for options that can't be used. */
  readonly load: (type: Type) => Promise<(options: never) => Store<unknown>>;
}

/** What makes the store of an adapter that needs no loading and no options. */
export type EmbeddedAdapter = (options?: object) => Store<unknown>;

/**
 * Opens the adapters that configs name, each once for a config object. An embedded one may be named without a config,
 * and is one store then.
 */
export function openerOf<Type extends string>(
  embedded: Readonly<Record<string, EmbeddedAdapter>>,
  { needs, load }: RemoteAdapters<Type>,
): OpenAdapter {
  const shared = new Map(Object.entries(embedded).map(([name, open]) => [name, open()]));
  const opened = new WeakMap<object, Store<unknown>>();
  const open = (type: string, options: Readonly<Record<string, unknown>> = {}) => {
    if (shared.has(type)) return embedded[type]!(options);
    if (!Object.hasOwn(needs, type)) return undefined;
    const need = needs[type as Type];
    const given = need.map((option) => options?.[option]);
    if (given.every((each) => each === undefined || each === null)) {
      throw new TypeError(`\`${need.join("` or `")}\` must be given, and is ${describe(given[0])}`);
    }
    return sharedStore(
      `${type}, loaded`,
      options,
      () =>
        lazyStore(type, async () => {
          const adapter = await load(type as Type);
          return opening(() => adapter(options as never));
        }),
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
