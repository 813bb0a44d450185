import { Effect, type Scope } from "effect";
import { attempt } from "./attempt.ts";
import type { AdapterError, AdapterOperation } from "./errors.ts";
import type { Store, Watch } from "./store.ts";

/** A store whose adapter is loaded by its first operation. `push`: whether it has a `watch`. */
export function lazyStore(
  name: string,
  load: () => Promise<Store<unknown>>,
  { push }: { readonly push: boolean },
): Store<unknown> {
  let loaded: Store<unknown> | undefined;
  let loading: Promise<Store<unknown>> | undefined;
  const loadOnce = () =>
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
  const on = <A, R = never>(
    operation: AdapterOperation,
    key: string,
    use: (store: Store<unknown>) => Effect.Effect<A, AdapterError, R>,
  ): Effect.Effect<A, AdapterError, R> =>
    Effect.suspend(() =>
      loaded !== undefined
        ? use(loaded)
        : Effect.flatMap(attempt(operation, key, loadOnce), (store) => use(loaded = store))
    );
  const watch = (key: string) => on<Watch, Scope.Scope>("watch", key, (store) => store.watch!(key));

  return {
    name,
    get: (key) => on("get", key, (store) => store.get(key)),
    set: (key, ...rest) => on("set", key, (store) => store.set(key, ...rest)),
    delete: (key) => on("delete", key, (store) => store.delete(key)),
    acquire: (key, ...rest) => on("acquire", key, (store) => store.acquire(key, ...rest)),
    renew: (key, ...rest) => on("renew", key, (store) => store.renew(key, ...rest)),
    fill: (key, ...rest) => on("fill", key, (store) => store.fill(key, ...rest)),
    release: (key, ...rest) => on("release", key, (store) => store.release(key, ...rest)),
    ...(push ? { watch } : {}),
  };
}
