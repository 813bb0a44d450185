import { Duration, Effect } from "effect";
import type { CacheClient, CallOptions, FetchContext } from "../../mod.ts";
import { causeKind } from "../../src/effect/cause.ts";
import { defaults } from "../../src/model/defaults.ts";
import { endingOf } from "../simulation/ending.ts";
import { type Ending, FOR_GOOD, type Recorder, type Terms } from "../simulation/history.ts";

/** Options of a call that JSON can carry, with times in milliseconds. */
export type PlainOptions =
  & {
    readonly [
      Name in
        | "takeovers"
        | "leaseTtl"
        | "waitMax"
        | "waitStep"
        | "operationTimeout"
        | "cacheTtl"
        | "staleWhileRevalidate"
        | "staleIfError"
        | "softTimeout"
        | "errorBackoff"
        | "refreshAhead"
    ]?: number | undefined;
  }
  & Pick<CallOptions<unknown>, "onCacheFailure">;

/** Who calls: a process, and what it writes its history with. */
export interface RecordedProcess {
  readonly cache: CacheClient;
  readonly recorder: Recorder;
  readonly process: number;
}

/** One call. */
export interface RecordedCall {
  readonly key: string;
  readonly options: PlainOptions;
  /** A fetch of the call of this number, which must be in the errors that it fails with. */
  readonly fetcher: (call: number) => Effect.Effect<unknown, { readonly call: number }>;
  /** Whether it has the key fetched though its entry is fresh. */
  readonly refresh?: boolean | undefined;
  /** For how long its client shares failures with all processes at first, in milliseconds; not at all by default. */
  readonly shares?: number | undefined;
  /** How old an entry may be that its client keeps in an L1, in milliseconds; it has none by default. */
  readonly l1?: number | undefined;
}

/** What the options say, with the library's defaults. */
export function termsOf(
  {
    takeovers = defaults.takeovers,
    leaseTtl = defaults.leaseTtl,
    waitMax = defaults.waitMax,
    waitStep = defaults.waitStep,
    operationTimeout = defaults.operationTimeout,
    cacheTtl = FOR_GOOD,
    onCacheFailure = defaults.onCacheFailure,
    ...stale
  }: PlainOptions,
): Terms {
  return {
    takeovers,
    leaseTtl,
    waitMax,
    operationTimeout,
    cacheTtl,
    // The default strategy's, where there is push.
    longestPause: 4 * waitStep,
    coalesce: true,
    bypass: onCacheFailure === "bypass",
    ...stale,
  };
}

/** Calls, writes down what happens, and says how it ended. */
export function recordedCall(
  { cache, recorder, process }: RecordedProcess,
  { key, options, fetcher, refresh = false, shares, l1 }: RecordedCall,
): Effect.Effect<Ending> {
  return Effect.suspend(() => {
    const call = recorder.number();
    const note = (happening: Parameters<Recorder["note"]>[1]) => recorder.note(process, happening);
    const fetching = ({ signal }: FetchContext) =>
      Effect.suspend(() => {
        const fetch = recorder.number();
        note({ type: "fetch", fetch, call });
        signal.addEventListener("abort", () => note({ type: "unwanted", fetch }), { once: true });
        return Effect.onExit(fetcher(call), (exit) =>
          Effect.sync(() => {
            const result = exit._tag === "Success"
              ? { type: "value", value: exit.value } as const
              : signal.aborted
              ? { type: "interrupted" } as const
              : { type: "failed", typed: causeKind(exit.cause) === "Fail" } as const;
            note({ type: "fetched", fetch, result });
          }));
      });
    const onError = ({ _tag }: { readonly _tag: string }) =>
      Effect.sync(() => note({ type: "hook", call, hook: "onError", tag: _tag }));
    const onStale = (_: unknown, { reason }: { readonly reason: string }) =>
      Effect.sync(() => note({ type: "hook", call, hook: "onStale", tag: reason }));
    // By it the judges know whom it refreshes an entry for.
    const onHit = () => Effect.sync(() => note({ type: "hook", call, hook: "onHit" }));
    const calling = cache[refresh ? "refresh" : "getOrSet"](key, fetching, {
      ...options,
      ownerId: `call ${call}`,
      hooks: { onError, onStale, ...(options.refreshAhead === undefined ? {} : { onHit }) },
    });
    note({ type: "call", call, key, terms: { ...termsOf(options), refresh, shares, l1 } });
    const ending = Effect.matchCauseEffect(calling, {
      onSuccess: ({ value, meta }) =>
        Effect.succeed<Ending>({
          type: "value",
          value,
          cache: meta.cache,
          tier: meta.tier,
          staleFor: meta.staleFor && Duration.toMillis(meta.staleFor),
        }),
      onFailure: (cause) => Effect.succeed(endingOf(cause, { call })),
    });
    return Effect.tap(
      ending,
      (ending) => Effect.sync(() => note({ type: "return", call, ending })),
    );
  });
}
