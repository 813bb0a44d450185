import { Effect } from "effect";
import { attempt } from "./attempt.ts";
import type { AdapterError, AdapterOperation } from "./errors.ts";
import type { Store } from "./store.ts";

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
  const on = (
    operation: AdapterOperation,
    key: string,
    use: (store: Store<unknown>) => ReturnType<Operation>,
  ): ReturnType<Operation> =>
    Effect.suspend(() =>
      loaded !== undefined
        ? use(loaded)
        : Effect.flatMap(attempt(operation, key, loadOnce), (store) => use(loaded = store))
    );
  const operations = push ? [...every, "watch" as const] : every;
  return Object.assign(
    { name },
    ...operations.map((operation) => ({
      [operation]: (key: string, ...rest: never[]) =>
        on(operation, key, (store) => (store[operation] as Operation)(key, ...rest)),
    })),
  );
}

const every = ["get", "set", "delete", "acquire", "renew", "fill", "release"] as const;

type Operation = (key: string, ...rest: never[]) => Effect.Effect<unknown, AdapterError>;
