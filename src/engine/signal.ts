import { callback } from "../effect/callback.ts";
import * as Effect from "effect/Effect";
import type * as Exit from "effect/Exit";
import * as Fiber from "effect/Fiber";
import { fork, type Forked, interruptNoWait, withContext } from "../effect/fork.ts";
import { quoted } from "../model/describe.ts";
import { type CacheLockingError, cacheLockingError } from "../model/errors.ts";

/**
 * Runs the effect until the signal is aborted; then the call fails with `ABORTED` at once. The effect is interrupted, and
 * ends apart: it may hang where it can't be interrupted.
 */
export function untilAborted<A, E, R>(
  key: string | undefined,
  signal: AbortSignal,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | CacheLockingError, R> {
  return withContext((context) =>
    callback<A, E | CacheLockingError>((resume) => {
      if (signal.aborted) return resume(Effect.fail(abortedError(key, signal)));
      let fiber: Forked<A, E> | undefined;
      const stop = whenAborted(signal, () => {
        resume(Effect.fail(abortedError(key, signal)));
        if (fiber !== undefined) interruptNoWait(fiber);
      });
      const started = fiber = fork(context, effect);
      // The fetcher itself may have aborted it.
      if (signal.aborted) return interruptNoWait(started);
      started.addObserver((exit: Exit.Exit<A, E>) => {
        stop();
        resume(exit);
      });
      return Effect.suspend(() => {
        stop();
        return Effect.asVoid(Fiber.interrupt(started));
      });
    })
  );
}

/** What is called when a signal is aborted, by one listener: each listener more would count towards a limit. */
interface Aborting {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
}

const aborting = new WeakMap<AbortSignal, Aborting>();

/** Calls back once the signal is aborted, unless what it returns is called before. */
export function whenAborted(signal: AbortSignal, call: () => void): () => void {
  const { calls, listener } = aborting.get(signal) ?? listen(signal);
  calls.add(call);
  return () => {
    if (!calls.delete(call) || calls.size > 0) return;
    signal.removeEventListener("abort", listener);
    aborting.delete(signal);
  };
}

function listen(signal: AbortSignal): Aborting {
  const calls = new Set<() => void>();
  const listener = () => {
    aborting.delete(signal);
    const all = [...calls];
    calls.clear();
    for (const call of all) call();
  };
  const listening = { calls, listener };
  aborting.set(signal, listening);
  signal.addEventListener("abort", listener, { once: true });
  return listening;
}

/** What an aborted call fails with, for one key or for many; its cause is the signal's reason. */
export function abortedError(key: string | undefined, signal: AbortSignal): CacheLockingError {
  return cacheLockingError(
    "ABORTED",
    `Cannot get ${
      key === undefined ? "the keys: their" : `${quoted(key)}: its`
    } signal was aborted`,
    { key, phase: "signal" },
    signal.reason,
  );
}
