import { attempt } from "./attempt.ts";
import * as Effect from "effect/Effect";
import { AdapterError, type AdapterOperation, isCacheLockingError } from "../model/errors.ts";
import type { Codec } from "./codec.ts";
import { loadOnce } from "./load_once.ts";
import type { L1Settings, Store } from "./store.ts";
import { withCodec, withL1 } from "./variants.ts";

/**
 * A store whose adapter is loaded by its first operation. Where `load` fails with a `CacheLockingError`, so do all
 * operations.
 */
export function lazyStore(
  name: string,
  load: () => Promise<Store<unknown>>,
  tier?: "l1",
): Store<unknown> {
  let loaded: Store<unknown> | undefined;
  const loading = loadOnce(load);
  const on = (
    operation: AdapterOperation,
    key: string,
    use: (store: Store<unknown>) => ReturnType<Operation>,
  ): ReturnType<Operation> =>
    loaded !== undefined ? use(loaded) : Effect.flatMap(
      attempt(operation, key, loading, undefined, (error) =>
        isCacheLockingError(error) ? error as never : new AdapterError(operation, key, error)),
      (store) =>
        use(loaded = store),
    );
  const store: Store<unknown> = Object.assign(
    {
      name,
      closeIdle: () => loaded?.closeIdle?.(),
      copy: (value: unknown) => loaded?.copy === undefined ? value : loaded.copy(value),
      withCodec: (codec: Codec) => lazyStore(name, async () => withCodec(await loading(), codec)!),
      withL1: (l1: L1Settings) => lazyStore(name, async () => withL1(await loading(), l1)!, "l1"),
    },
    tier && {
      tier,
      peek: (...args: [string, number, boolean?]) => loaded?.peek?.(...args),
      forget: (key: string) => loaded?.forget?.(key),
    },
    ...every.map((operation) => ({
      [operation]: (key: string, ...rest: never[]) =>
        on(operation, key, ({ [operation]: run = noPush }) => (run as Operation)(key, ...rest)),
    })),
  );
  // Until it is loaded each key is asked for by itself, and none is led.
  for (const operation of [...ofMany, "announce"] as const) {
    Object.defineProperty(store, operation, { get: () => loaded?.[operation] });
  }
  return store;
}

const every = [
  "get",
  "set",
  "expire",
  "delete",
  "acquire",
  "renew",
  "fill",
  "release",
  "watch",
] as const;

const ofMany = ["getMany", "acquireMany", "renewMany", "fillMany", "releaseMany"] as const;

const noPush = () => Effect.succeed(undefined);

type Operation = (key: string, ...rest: never[]) => Effect.Effect<unknown, AdapterError>;
