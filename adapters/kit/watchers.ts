import { Effect, type Scope } from "../../src/effect/effect.ts";
import type { AdapterError } from "../../src/model/errors.ts";
import type { Watch } from "../../src/store/store.ts";

/** Hands one stream of pushes out to those who watch a key. */
export interface Watchers {
  /** Stands at once, for as long as the scope. */
  readonly watch: (key: string) => Effect.Effect<Watch, never, Scope.Scope>;
  /** Wakes those who watch the key. */
  readonly notify: (key: string) => void;
  /** Wakes all: something may have been missed. */
  readonly notifyAll: () => void;
  /** Fails all: no push will come any more. */
  readonly failAll: (error: (key: string) => AdapterError) => void;
  /** How many watches stand. */
  readonly size: () => number;
}

interface Watcher {
  /** What has come since the last `next`: a push, or the error that ends the watch. */
  news?: "push" | AdapterError | undefined;
  wake?: (() => void) | undefined;
}

/** Makes the watchers of one store. */
export function makeWatchers(): Watchers {
  const watchers = new Map<string, Set<Watcher>>();
  let size = 0;

  const tell = (watcher: Watcher, news: "push" | AdapterError) => {
    watcher.news = news;
    watcher.wake?.();
    watcher.wake = undefined;
  };
  const add = (key: string) => {
    const watcher: Watcher = {};
    const others = watchers.get(key);
    if (others === undefined) watchers.set(key, new Set([watcher]));
    else others.add(watcher);
    size++;
    return watcher;
  };
  const remove = (key: string, watcher: Watcher) => {
    const all = watchers.get(key);
    all?.delete(watcher);
    if (all?.size === 0) watchers.delete(key);
    size--;
  };

  return {
    watch: (key) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => add(key)),
          (watcher) => Effect.sync(() => remove(key, watcher)),
        ),
        (watcher): Watch => ({ next: nextNews(watcher) }),
      ),
    notify: (key) => {
      for (const watcher of watchers.get(key) ?? []) tell(watcher, "push");
    },
    notifyAll: () => {
      for (const all of watchers.values()) for (const watcher of all) tell(watcher, "push");
    },
    failAll: (error) => {
      for (const [key, all] of watchers) for (const watcher of all) tell(watcher, error(key));
    },
    size: () => size,
  };
}

function nextNews(watcher: Watcher): Effect.Effect<void, AdapterError> {
  return Effect.suspend(() => {
    const { news } = watcher;
    if (news === undefined) {
      const woken = Effect.promise(() => new Promise<void>((resolve) => watcher.wake = resolve));
      return Effect.flatMap(woken, () => nextNews(watcher));
    }
    watcher.news = undefined;
    return news === "push" ? Effect.void : Effect.fail(news);
  });
}
