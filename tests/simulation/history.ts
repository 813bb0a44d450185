import type { AdapterOperation } from "../../mod.ts";
import type { Failure } from "../../src/store/store.ts";

/** A `cacheTtl` that stands for none, which JSON can carry. */
export const FOR_GOOD = 1e9;

/** What was said of a call. */
export interface Terms {
  readonly takeovers: number;
  readonly leaseTtl: number;
  readonly waitMax: number;
  readonly operationTimeout: number;
  /** The longest that its fetch may run, if there is such a time. */
  readonly fetchTimeout?: number | undefined;
  /** The longest that its wait strategy ever pauses. */
  readonly longestPause: number;
  /** For how long its value is stored; zero for not at all, {@linkcode FOR_GOOD} for good. */
  readonly cacheTtl: number;
  readonly coalesce: boolean;
  readonly bypass: boolean;
  /** For how long it may have a stale value while that is refreshed, and in place of a failure; not at all without it. */
  readonly staleWhileRevalidate?: number | undefined;
  readonly staleIfError?: number | undefined;
  /** The longest that it waits for a fresh value if it may have a stale one in place of a failure. */
  readonly softTimeout?: number | undefined;
  readonly errorBackoff?: number | undefined;
  /** From which part of the time on, or how early by chance, it refreshes a fresh entry that it finds. */
  readonly refreshAhead?: number | { readonly beta: number } | undefined;
  /** For how long it shares a failure of its fetch with all processes at first; not at all without it. */
  readonly shares?: number | undefined;
  /** Whether it has the key fetched though its entry is fresh. */
  readonly refresh?: boolean | undefined;
  /** How old an entry may be that its process has read before; none without it. */
  readonly l1?: number | undefined;
  /** Whether its fetch under a lease goes on when its last caller has left. */
  readonly finish?: boolean | undefined;
}

/** How a call ended. */
export type Ending =
  | {
    readonly type: "value";
    readonly value: unknown;
    readonly cache: string;
    readonly tier?: string | undefined;
    readonly waited?: number | undefined;
    readonly staleFor?: number | undefined;
  }
  /** `own` if it is the error of the call's own fetcher; if it is another's, `of` is the number of that call. */
  | {
    readonly type: "error";
    readonly tag: string;
    readonly own: boolean;
    readonly of?: number | undefined;
  }
  | { readonly type: "interrupted" }
  | { readonly type: "died"; readonly cause: string };

/** How a fetch ended. */
export type Fetched =
  | { readonly type: "value"; readonly value: unknown }
  /** `typed` if it was an error of its own, and nothing thrown. */
  | { readonly type: "failed"; readonly typed?: boolean | undefined }
  | { readonly type: "interrupted" };

/** What a backend answers, as far as it matters here. */
export interface Answer {
  /** `Hit`, `Leader`, `Follower`, `Ended`, `Failed`; `entry`, `stale`, `none`; `true`, `false`. */
  readonly is: string;
  readonly value?: unknown;
  readonly lease?: string | undefined;
  readonly remaining?: number | undefined;
  readonly after?: "failed" | undefined;
  readonly freshFor?: number | undefined;
  readonly staleFor?: number | undefined;
  readonly failures?: number | undefined;
  /** Whether it can be told that the owner of the lease is gone. */
  readonly watched?: boolean | undefined;
  /** Whether there is no entry beside the lease. */
  readonly gone?: boolean | undefined;
}

/** What a backend is asked. */
export interface Question {
  readonly operation: AdapterOperation;
  readonly key: string;
  readonly owner?: string | undefined;
  readonly ttl?: number | undefined;
  readonly value?: unknown;
  readonly waitedFor?: string | undefined;
  readonly outcome?: string | undefined;
  readonly staleFor?: number | undefined;
  readonly backOff?: boolean | undefined;
  readonly failure?: Failure | undefined;
}

/** What happened. Calls, fetches, operations and changes have numbers of their own. */
export type Happening =
  | {
    readonly type: "call";
    readonly call: number;
    readonly key: string;
    readonly terms: Terms;
    /** The number of the call for many keys that it is a part of: its end is known when all have ended. */
    readonly batch?: number | undefined;
    readonly maxBatch?: number | undefined;
  }
  | { readonly type: "leave"; readonly call: number; readonly how: "interrupt" | "abort" }
  | { readonly type: "return"; readonly call: number; readonly ending: Ending }
  /** The call's client is being closed, and is closed. */
  | { readonly type: "closing" | "closed"; readonly call: number }
  | { readonly type: "hook"; readonly call: number; readonly hook: string; readonly tag?: string }
  | {
    readonly type: "fetch";
    readonly fetch: number;
    readonly call: number;
    /** Whether it goes on when it is interrupted. */
    readonly deaf?: boolean | undefined;
    /** The number of the fetch for many keys that it is a part of. */
    readonly batch?: number | undefined;
  }
  /** Its signal fired. */
  | { readonly type: "unwanted"; readonly fetch: number }
  /** Its signal fired because its time is out. */
  | { readonly type: "overdue"; readonly fetch: number }
  | { readonly type: "fetched"; readonly fetch: number; readonly result: Fetched }
  | { readonly type: "ask"; readonly operation: number; readonly question: Question }
  /** What the backend did, whoever learns of it. */
  | { readonly type: "done"; readonly operation: number; readonly answer: Answer }
  | { readonly type: "answer"; readonly operation: number; readonly answer: Answer }
  | { readonly type: "failure"; readonly operation: number; readonly corrupt: boolean }
  /** Nobody waits for the answer any more. */
  | { readonly type: "dropped"; readonly operation: number }
  | { readonly type: "push"; readonly key: string }
  /** An L1 has heard of a change, by a hash, or that it may have missed some; the backend has counted one of a key. */
  | { readonly type: "counted"; readonly key: string }
  | { readonly type: "heard"; readonly hash: number }
  | { readonly type: "missed" }
  /** Somebody changes the key. */
  | {
    readonly type: "change";
    readonly change: number;
    readonly how: "set" | "expire" | "delete";
    readonly key: string;
    readonly value?: unknown;
  }
  | { readonly type: "changed"; readonly change: number; readonly ok: boolean }
  /** The owner of a lease begins, or ends, to have it known that its process is there. */
  | { readonly type: "announce" | "announced"; readonly key: string; readonly owner: string }
  /** The backend finds that a process isn't there any more, or is again. */
  | { readonly type: "gone" | "back" }
  | { readonly type: "pause" | "resume" | "crash" }
  /** The process's wall clock is set, by so many milliseconds. */
  | { readonly type: "skew"; readonly by: number }
  /** The backend loses an entry, or its bytes. */
  | { readonly type: "lost"; readonly key: string }
  /** Nothing is left to happen: what is left in a process, as far as it can tell. */
  | {
    readonly type: "rest";
    readonly flights: number;
    readonly watches?: number;
    readonly timers?: number;
    readonly announced?: number;
    readonly listeners?: number;
  };

/** What happened, when, and in which process; −1 is the backend. */
export type Event = Happening & { readonly at: number; readonly process: number };

/** A span, once all is over. */
export interface SpanNote {
  readonly process: number;
  /** When it began: the time, and its place in the history. */
  readonly at: number;
  readonly seq: number;
  readonly name: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly key: unknown;
  /** The number of the call whose client it is of. */
  readonly call: number | undefined;
  readonly outcome: unknown;
  /** How many spans had begun when it ended. */
  readonly others: number;
  /** The ids of what it is linked to. */
  readonly links: readonly string[];
}

/** Everything that happened, in its order. */
export interface History {
  readonly events: readonly Event[];
  /** The spans of processes with a tracer, and which those are. */
  readonly spans?: readonly SpanNote[] | undefined;
  readonly traced?: readonly boolean[] | undefined;
  /** What the backend can do. */
  readonly backend: BackendTraits;
  /** How far measured times may be off, in milliseconds: next to nothing in virtual time. */
  readonly slack: number;
  /** Within how many milliseconds two things may have come in either order: none in virtual time. */
  readonly instant: number;
}

/** What a backend can do, for the promises that depend on it. */
export interface BackendTraits {
  /** Whether it refuses the fill of a lease that was lost or revoked. */
  readonly fenced: boolean;
  /** What the history says of it: what it did, only what it answered, or, as it may be read without a trace, not all of that. */
  readonly seen: "deeds" | "answers" | "some answers";
  /** Whether a lease can be renewed. */
  readonly renews: boolean;
  /** Whether it remembers how a lease ended. */
  readonly remembers: boolean;
  /** Whether its leases have names that `waitedFor` says again. */
  readonly names: boolean;
  /** Whether nobody is told when a read is given up: what is a promise goes on. */
  readonly silent: boolean;
  /** Whether it can tell that a process is gone. */
  readonly announces?: boolean | undefined;
  /** How long a change by one process may be hidden from the L1 of another, in milliseconds, where that is all that is known. */
  readonly hides?: number | undefined;
  /** How long a change may be unheard at most, in milliseconds, and how old an entry may be of which none are told. */
  readonly tells?: { readonly within: number; readonly alone: number } | undefined;
}

/** Writes a history. */
export interface Recorder {
  readonly events: Event[];
  readonly note: (process: number, happening: Happening) => void;
  /** The next number. */
  readonly number: () => number;
}

/** Makes one, with the clock that it writes by. Its numbers begin behind `last`. */
export function makeRecorder(now: () => number, last = 0): Recorder {
  const events: Event[] = [];
  let numbers = last;
  return {
    events,
    note: (process, happening) => void events.push({ ...happening, at: now(), process }),
    number: () => ++numbers,
  };
}
