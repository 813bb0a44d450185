import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import { AdapterError } from "../../src/model/errors.ts";
import type { Watch } from "../../src/store/store.ts";

/** Passes one stream of pushes on to the watches of each topic. */
export interface Watchers {
  /** Stands at once, for as long as the scope, on behalf of a key: the topic itself by default. */
  readonly watch: (topic: string, key?: string) => Effect.Effect<Watch, never, Scope.Scope>;
  /** Wakes the watches of the topic. */
  readonly notify: (topic: string) => void;
  /** Wakes all: something may have been missed. */
  readonly notifyAll: () => void;
  /** Fails all: no push will come any more. */
  readonly failAll: (cause: unknown) => void;
}

interface Watcher {
  readonly key: string;
  /** What has come since the last `next`: a push, or the error that ends the watch. */
  news?: "push" | AdapterError | undefined;
  wake?: (() => void) | undefined;
}

/** Makes the watchers of one store. */
export function makeWatchers(): Watchers {
  const watchers = new Map<string, Set<Watcher>>();

  const tell = (watcher: Watcher, news: "push" | AdapterError) => {
    watcher.news = news;
    watcher.wake?.();
    watcher.wake = undefined;
  };
  const add = (topic: string, key: string) => {
    const watcher: Watcher = { key };
    const others = watchers.get(topic);
    if (others === undefined) watchers.set(topic, new Set([watcher]));
    else others.add(watcher);
    return watcher;
  };
  const remove = (topic: string, watcher: Watcher) => {
    const all = watchers.get(topic);
    all?.delete(watcher);
    if (all?.size === 0) watchers.delete(topic);
  };

  return {
    watch: (topic, key = topic) =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => add(topic, key)),
          (watcher) => Effect.sync(() => remove(topic, watcher)),
        ),
        (watcher): Watch => ({ next: nextNews(watcher) }),
      ),
    notify: (topic) => {
      for (const watcher of watchers.get(topic) ?? []) tell(watcher, "push");
    },
    notifyAll: () => {
      for (const all of watchers.values()) for (const watcher of all) tell(watcher, "push");
    },
    failAll: (cause) => {
      for (const all of watchers.values()) {
        for (const watcher of all) tell(watcher, new AdapterError("watch", watcher.key, cause));
      }
    },
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
