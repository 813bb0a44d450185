import { attempt } from "../../src/store/attempt.ts";
import * as Effect from "effect/Effect";
import type * as Scope from "effect/Scope";
import type { AdapterError } from "../../src/model/errors.ts";
import type { Watch } from "../../src/store/store.ts";
import { sharedBy } from "./shared.ts";
import { makeWatchers } from "./watchers.ts";

/** The part of a push that differs by backend. */
export interface PushDriver {
  /** Opens a connection, or its equivalent, which sends events until it is closed; undefined where this deployment has no push. */
  open(events: PushEvents): Promise<PushConnection | undefined> | PushConnection | undefined;
}

/** The events of a connection. */
export interface PushEvents {
  /** A message of a topic has come, with its text where that is known; without, the topic may be subscribed to anew. */
  readonly message: (topic: string, text?: string) => void;
  /** The connection is up again: messages may have been missed, and it has no subscriptions. */
  readonly back: () => void;
  /** The connection is down, and a first try to open it again has failed. */
  readonly lost: (error: unknown) => void;
  /** The connection is down, and does not come up by itself. */
  readonly ended: (error: unknown) => void;
}

/** An open connection. */
export interface PushConnection {
  /** Subscribes to a topic. */
  subscribe(topic: string): unknown;
  /** Stops the messages of topics. */
  unsubscribe(topics: readonly string[]): void;
  /** Closes the connection, or, if it is the user's own, stops the messages of these topics. */
  close(topics: readonly string[]): void;
}

/** Why there will be no push, as the deployment forbids it: the first watch fails with it, and later ones do without. */
export class PushForbidden extends Error {}

/** What else is told of a topic that is held. */
export interface Heard {
  /** A message has come. */
  readonly message: (text: string) => void;
  /** It isn't subscribed to any more. */
  readonly lost: () => void;
  /** There is no push. */
  readonly none: () => void;
}

/** Wakes followers. */
export interface Push {
  /** Watches a topic on behalf of a key, as `Store.watch` says. */
  watch(
    topic: string,
    key: string,
  ): Effect.Effect<Watch | undefined, AdapterError, Scope.Scope>;
  /**
   * Stays subscribed to a topic that shows that this process is there, until what it returns is called: again whenever the
   * connection is back, or another is there. `stands` is told each time. It ends by itself where there is no push.
   */
  hold(topic: string, stands: () => void, heard?: Heard): () => void;
  /** Whether a watch of a topic stands in this process; which topic is asked only if any may. */
  hears(topic: () => string): boolean;
  /** Ends at once what nobody watches any more, with the connection if nobody watches anything. */
  closeIdle(): void;
}

/** How long the connection and its subscriptions outlive the last watch, in milliseconds. */
export const IDLE_CLOSE_MS = 1000;

/**
 * How long a subscription may take, with the connection for it, in milliseconds. Then another connection is opened: a
 * client may wait for ever for an answer that a reset has lost.
 */
const SUBSCRIBE_MS = 4000;

/** After how long it is tried again to hold a topic, in milliseconds. */
const HOLD_AGAIN_MS = 100;

/** Who holds a topic. */
interface Holder {
  readonly name: string;
  readonly stands: () => void;
  readonly lost: () => void;
  readonly heard: Heard | undefined;
}

/** A topic that is subscribed to. */
interface Topic {
  readonly subscribed: Promise<boolean>;
  /** Whether it stands. */
  stands: boolean;
  watches: number;
  /** When the last watch has gone, by `performance.now()`. */
  idleSince: number;
}

/**
 * Makes the push of a client: one connection for all watches, which the first of them opens and which is closed a second
 * after the last has closed; one subscription for all watches of a topic. A connection that is up again wakes all watches,
 * and one that is lost fails them all.
 */
export function makePush(driver: PushDriver, patience = SUBSCRIBE_MS): Push {
  const watchers = makeWatchers();
  const topics = new Map<string, Topic>();
  let opening: Promise<PushConnection | undefined> | undefined;
  let sweep: ReturnType<typeof setTimeout> | undefined;
  let isForbidden = false;
  const holders = new Set<Holder>();

  const lose = (error: unknown) => {
    topics.clear();
    watchers.failAll(error);
    for (const { lost } of [...holders]) lost();
  };
  const close = () => {
    clearTimeout(sweep);
    sweep = undefined;
    const open = [...topics.keys()];
    topics.clear();
    opening?.then((connection) => connection?.close(open), ignore);
    opening = undefined;
  };
  const open = () => {
    const isCurrent = () => opening === own;
    const events: PushEvents = {
      message: (topic, text) => {
        watchers.notify(topic);
        for (const { name, stands, heard } of holders) {
          if (name !== topic) continue;
          if (heard !== undefined && text !== undefined) heard.message(text);
          // It was subscribed to anew.
          else stands();
        }
      },
      back: () => {
        if (!isCurrent()) return;
        const again = (topic: string) => own.then((connection) => connection?.subscribe(topic));
        answered(own, Promise.all([...topics.keys()].map(again))).then(() => {
          watchers.notifyAll();
          for (const { stands } of holders) stands();
        }, lose);
      },
      lost: (error) => isCurrent() && lose(error),
      ended: (error) => {
        if (!isCurrent()) return;
        lose(error);
        close();
      },
    };
    // An event may come before a driver returns, and needs `own`.
    const own = Promise.resolve().then(() => driver.open(events));
    own.catch(() => isCurrent() && close());
    return own;
  };

  /** What a connection answers; one that leaves it unanswered is given up. */
  const answered = <A>(own: typeof opening, answer: Promise<A>) =>
    new Promise<A>((resolve, reject) => {
      const giveUp = () => {
        const error = new Error("the connection for push leaves a subscription unanswered");
        reject(error);
        if (opening !== own) return;
        lose(error);
        close();
      };
      const timer = unref(setTimeout(giveUp, patience));
      answer.then(resolve, reject).finally(() => clearTimeout(timer));
    });

  const add = (name: string, held = false) => {
    let topic = topics.get(name);
    if (topic === undefined) {
      const own = opening ??= open();
      const subscribing = own.then(async (connection) => {
        if (isForbidden) return false;
        try {
          await connection?.subscribe(name);
        } catch (error) {
          if (isForbidden || held && error instanceof PushForbidden) return false;
          isForbidden = error instanceof PushForbidden;
          throw error;
        }
        return added.stands = connection !== undefined;
      });
      const subscribed = answered(own, subscribing);
      const added: Topic = topic = { subscribed, stands: false, watches: 0, idleSince: 0 };
      topics.set(name, topic);
      subscribed.catch(() => topics.get(name) === added && topics.delete(name));
    }
    topic.watches++;
    return topic;
  };
  const remove = (topic: Topic) => {
    topic.watches--;
    if (topic.watches > 0 || opening === undefined) return;
    topic.idleSince = performance.now();
    sweep ??= unref(setTimeout(closeIdle, IDLE_CLOSE_MS));
  };
  const closeIdle = (lingers = IDLE_CLOSE_MS) => {
    clearTimeout(sweep);
    sweep = undefined;
    const now = performance.now();
    const idle: string[] = [];
    let next = Infinity;
    for (const [name, { watches, idleSince }] of topics) {
      const left = idleSince + lingers - now;
      if (watches === 0 && left > 0) next = Math.min(next, left);
      else if (watches === 0) idle.push(name);
    }
    if (idle.length === topics.size) return close();
    if (next < Infinity) sweep = unref(setTimeout(closeIdle, next));
    for (const name of idle) topics.delete(name);
    if (idle.length > 0) opening?.then((connection) => connection?.unsubscribe(idle), ignore);
  };

  const hold = (name: string, stands: () => void, heard?: Heard) => {
    let topic: Topic | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const leave = () => {
      if (topic !== undefined) remove(topic);
      topic = undefined;
    };
    const holder: Holder = {
      name,
      stands,
      heard,
      lost() {
        leave();
        heard?.lost();
        clearTimeout(timer);
        timer = unref(setTimeout(begin, HOLD_AGAIN_MS));
      },
    };
    const begin = () => {
      const own = topic = add(name, true);
      const isCurrent = () => topic === own && holders.has(holder);
      own.subscribed.then(
        (has) => {
          if (!isCurrent()) return;
          if (has) stands();
          else heard?.none();
        },
        () => isCurrent() && holder.lost(),
      );
    };
    holders.add(holder);
    begin();
    return () => {
      holders.delete(holder);
      clearTimeout(timer);
      leave();
    };
  };

  return {
    hold,
    hears(topic) {
      if (topics.size === 0) return false;
      const known = topics.get(topic());
      return known !== undefined && known.stands && known.watches > 0;
    },
    closeIdle: () => closeIdle(0),
    watch: (name, key) =>
      Effect.flatMap(
        Effect.acquireRelease(
          Effect.sync(() => add(name)),
          (topic) => Effect.sync(() => remove(topic)),
        ),
        (topic) =>
          Effect.flatMap(
            attempt("watch", key, () => topic.subscribed),
            (stands) => stands ? watchers.watch(name, key) : Effect.succeed(undefined),
          ),
      ),
  };
}

/** The push of a client, one for all its stores; a client may have several, by name. */
export function sharedPush(client: object, name: string, driver: () => PushDriver): Push {
  return sharedBy(client, `push ${name}`, () => makePush(driver()));
}

/** A timer that keeps no process alive, where timers can. */
export function unref<T>(timer: T): T {
  (timer as { readonly unref?: () => void }).unref?.();
  return timer;
}

function ignore(): void {}
