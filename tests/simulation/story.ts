import type {
  Answer,
  BackendTraits,
  Ending,
  Event,
  Fetched,
  History,
  Question,
  SpanNote,
  Terms,
} from "./history.ts";

/** When something happened: the time, and its place in the history. */
export interface Moment {
  readonly at: number;
  readonly seq: number;
}

/** One call, from its beginning to its end. */
export interface CallStory {
  readonly call: number;
  readonly process: number;
  readonly key: string;
  readonly terms: Terms;
  /** The number of the call for many keys that it is a part of: its end is told when all have ended. */
  readonly batch?: number | undefined;
  /** How many of them are fetched together at most. */
  readonly maxBatch?: number | undefined;
  readonly began: Moment;
  /** When it was interrupted or aborted. */
  left?: Moment & { readonly how: "interrupt" | "abort" | "close" };
  /** When its client began to be closed, and had been. */
  closing?: Moment;
  closed?: Moment;
  ended?: Moment & { readonly ending: Ending };
  readonly hooks: (Moment & { readonly hook: string; readonly tag: string | undefined })[];
  readonly fetches: FetchStory[];
}

/** One fetch. */
export interface FetchStory {
  readonly fetch: number;
  readonly call: CallStory;
  readonly began: Moment;
  /** Whether it goes on when it is interrupted. */
  readonly deaf: boolean | undefined;
  /** The number of the fetch for many keys that it is a part of. */
  readonly batch?: number | undefined;
  /** When it was called: of many keys that is later than its lease was won, from when on it counts. */
  readonly called: Moment;
  /** When its time was out. What it does from then on is nobody's. */
  overdue?: Moment;
  /** Whether it was interrupted in the end. */
  interrupted?: boolean;
  /** When its signal fired: while it ran, or later. */
  unwanted?: Moment;
  unwantedLate?: Moment;
  ended?: Moment & { readonly result: Fetched };
  /** The lease that it runs under; none for a fallback or a bypass. */
  lease?: LeaseStory;
}

/** One operation of a backend. */
export interface OperationStory {
  readonly operation: number;
  readonly process: number;
  readonly question: Question;
  readonly asked: Moment;
  /** When the backend did it. */
  done?: Moment & { readonly answer: Answer };
  answered?: Moment & { readonly answer: Answer };
  failed?: Moment & { readonly corrupt: boolean };
  dropped?: Moment;
}

/** What one owner did. */
export interface LeaseStory {
  readonly owner: string;
  readonly call: CallStory;
  readonly operations: OperationStory[];
  fetch?: FetchStory;
  /** When it began and ended to have it known that its process is there. */
  announced?: Moment;
  announcedUntil?: Moment;
}

/** A key that was changed by somebody. */
export interface ChangeStory {
  readonly change: number;
  readonly process: number;
  readonly key: string;
  readonly how: "set" | "expire" | "delete";
  readonly value: unknown;
  readonly began: Moment;
  ended?: Moment & { readonly ok: boolean };
  operation?: OperationStory;
}

/** What happened to one key in one process. */
export interface Scene {
  readonly process: number;
  readonly key: string;
  readonly calls: CallStory[];
  readonly fetches: FetchStory[];
  readonly operations: OperationStory[];
  readonly changes: ChangeStory[];
  readonly pushes: Moment[];
}

/** A time in which the backend found that a process wasn't there. */
export interface Absence {
  readonly from: number;
  readonly to: number;
}

/** A history, told by who did what. */
export interface Story {
  readonly backend: BackendTraits;
  readonly slack: number;
  readonly instant: number;
  readonly calls: readonly CallStory[];
  readonly fetches: readonly FetchStory[];
  readonly operations: readonly OperationStory[];
  readonly leases: readonly LeaseStory[];
  readonly changes: readonly ChangeStory[];
  readonly scenes: readonly Scene[];
  readonly rests: readonly (Event & { readonly type: "rest" })[];
  readonly spans: readonly SpanNote[];
  /** Whether a process has a tracer. */
  readonly traced: (process: number) => boolean;
  /** When the wall clocks of processes were set back. */
  readonly setBack: readonly (Moment & { readonly process: number })[];
  /** When the backend lost an entry of a key. */
  readonly lost: readonly (Moment & { readonly key: string })[];
  /** When a process crashed. */
  readonly crashed: (process: number) => Moment | undefined;
  /** How long a process ran between two times: less than what lies between where it was paused. */
  readonly running: (process: number, from: number, to: number) => number;
  readonly paused: (process: number, from: number, to: number) => boolean;
  /** Whether the backend found that a process wasn't there, all the time between two. */
  readonly isGone: (process: number, from: number, to: number) => boolean;
  /** When the backend found that a process wasn't there. */
  readonly absences: (process: number) => readonly Absence[];
  /** Whether one surely came before the other, wherever each was noted. */
  readonly isBefore: (one: Moment, other: Moment) => boolean;
  readonly sceneOf: (of: { readonly process: number; readonly key: string }) => Scene;
  /** When the backend counted changes of a key. */
  readonly counted: (key: string) => readonly Moment[];
  /** When a process heard that it may have missed changes, and of which hashes it heard. */
  readonly missed: readonly (Moment & { readonly process: number })[];
  readonly heard: readonly (Moment & { readonly process: number; readonly hash: number })[];
  /** When it all ended. */
  readonly end: Moment;
}

/** Looks for events of a story that break a promise, and reports each with its moment. */
export type Judge = (story: Story, broken: (what: string, at: Moment) => void) => void;

/** Reads a history. */
export function storyOf(
  { events, backend, slack, instant, spans = [], traced = [] }: History,
): Story {
  const calls = new Map<number, CallStory>();
  const fetches = new Map<number, FetchStory>();
  const operations = new Map<number, OperationStory>();
  const changes = new Map<number, ChangeStory>();
  const leases = new Map<string, LeaseStory>();
  const scenes = new Map<string, Scene>();
  const rests: (Event & { readonly type: "rest" })[] = [];
  const setBack: (Moment & { readonly process: number })[] = [];
  const lost: (Moment & { readonly key: string })[] = [];
  const counted = new Map<string, Moment[]>();
  const missed: (Moment & { readonly process: number })[] = [];
  const heard: (Moment & { readonly process: number; readonly hash: number })[] = [];
  const crashes = new Map<number, Moment>();
  const pauses = new Map<number, { from: number; to: number }[]>();
  const absences = new Map<number, { from: number; to: number }[]>();
  const sceneOf = ({ process, key }: { readonly process: number; readonly key: string }) => {
    const name = `${process} ${key}`;
    let scene = scenes.get(name);
    if (scene === undefined) {
      scene = { process, key, calls: [], fetches: [], operations: [], changes: [], pushes: [] };
      scenes.set(name, scene);
    }
    return scene;
  };

  events.forEach((event, seq) => {
    const { at, process } = event;
    const moment = { at, seq };
    switch (event.type) {
      case "call": {
        const { call, key, terms, batch, maxBatch } = event;
        const story: CallStory = {
          call,
          process,
          key,
          terms,
          batch,
          maxBatch,
          began: moment,
          hooks: [],
          fetches: [],
        };
        calls.set(call, story);
        sceneOf(story).calls.push(story);
        break;
      }
      case "leave": {
        const call = calls.get(event.call)!;
        // Who leaves in the moment in which its client is closed may be told either.
        if (call.left?.how === "close") delete call.left;
        call.left ??= { ...moment, how: event.how };
        break;
      }
      case "return":
        calls.get(event.call)!.ended = { ...moment, ending: event.ending };
        break;
      case "closing": {
        const call = calls.get(event.call)!;
        call.closing = moment;
        if (call.ended === undefined) call.left ??= { ...moment, how: "close" };
        break;
      }
      case "closed":
        calls.get(event.call)!.closed = moment;
        break;
      case "hook":
        calls.get(event.call)!.hooks.push({ ...moment, hook: event.hook, tag: event.tag });
        break;
      case "fetch": {
        const call = calls.get(event.call)!;
        const { fetch, deaf, batch } = event;
        const found = leaseOf(sceneOf(call), { call });
        // What is fetched with others waits for them; who has the lease keeps it meanwhile.
        const began = batch === undefined ? moment : wonAt(found) ?? moment;
        const story: FetchStory = { fetch, call, began, called: moment, deaf, batch };
        const lease = found;
        if (lease !== undefined) {
          story.lease = lease;
          lease.fetch = story;
        }
        fetches.set(event.fetch, story);
        call.fetches.push(story);
        sceneOf(call).fetches.push(story);
        break;
      }
      case "unwanted": {
        // The value of one that has ended may still be on its way to the backend.
        const fetch = fetches.get(event.fetch)!;
        fetch[fetch.ended === undefined ? "unwanted" : "unwantedLate"] = moment;
        break;
      }
      case "overdue": {
        const fetch = fetches.get(event.fetch)!;
        fetch.overdue = moment;
        // What it has ended with in this very moment may still be on its way to its caller.
        const { ended } = fetch;
        if (ended === undefined || ended.at === at && ended.result.type !== "interrupted") {
          fetch.ended = { ...moment, result: { type: "failed" } };
        }
        break;
      }
      case "fetched": {
        const fetch = fetches.get(event.fetch)!;
        fetch.ended ??= { ...moment, result: event.result };
        fetch.interrupted = event.result.type === "interrupted";
        break;
      }
      case "ask": {
        const { operation, question } = event;
        const story: OperationStory = { operation, process, question, asked: moment };
        operations.set(operation, story);
        const scene = sceneOf({ process, key: question.key });
        scene.operations.push(story);
        const change = scene.changes.find((each) =>
          each.operation === undefined && each.how === question.operation &&
          each.value === question.value
        );
        if (change !== undefined) change.operation = story;
        if (question.owner === undefined) break;
        const lease = leases.get(question.owner) ?? newLease(question.owner, calls);
        leases.set(question.owner, lease);
        lease.operations.push(story);
        // A signal fires once: of one that is unwanted it can't be seen that its time is out in that moment, too.
        const { fetch } = lease;
        const { fetchTimeout = Infinity } = lease.call.terms;
        if (fetch?.unwanted !== undefined && at - fetch.began.at >= fetchTimeout - slack) {
          fetch.ended ??= { at, seq: seq - 0.5, result: { type: "interrupted" } };
        }
        break;
      }
      case "done":
        operations.get(event.operation)!.done = { ...moment, answer: event.answer };
        break;
      case "answer":
        operations.get(event.operation)!.answered = { ...moment, answer: event.answer };
        break;
      case "failure":
        operations.get(event.operation)!.failed = { ...moment, corrupt: event.corrupt };
        break;
      case "dropped":
        operations.get(event.operation)!.dropped = moment;
        break;
      case "push":
        sceneOf({ process, key: event.key }).pushes.push(moment);
        break;
      case "counted":
        counted.set(event.key, [...counted.get(event.key) ?? [], moment]);
        break;
      case "missed":
        missed.push({ ...moment, process });
        break;
      case "heard":
        heard.push({ ...moment, process, hash: event.hash });
        break;
      case "change": {
        const { change, key, how, value } = event;
        const story: ChangeStory = { change, process, key, how, value, began: moment };
        changes.set(change, story);
        sceneOf(story).changes.push(story);
        break;
      }
      case "changed":
        changes.get(event.change)!.ended = { ...moment, ok: event.ok };
        break;
      case "announce":
        leases.get(event.owner)!.announced = moment;
        break;
      case "announced":
        leases.get(event.owner)!.announcedUntil = moment;
        break;
      case "gone":
        absences.set(process, [...absences.get(process) ?? [], { from: at, to: Infinity }]);
        break;
      case "back":
        absences.get(process)!.at(-1)!.to = at;
        break;
      case "crash":
        crashes.set(process, moment);
        break;
      case "pause": {
        const known = pauses.get(process) ?? [];
        if (known.at(-1)?.to !== Infinity) {
          pauses.set(process, [...known, { from: at, to: Infinity }]);
        }
        break;
      }
      case "resume":
        for (const pause of pauses.get(process) ?? []) pause.to = Math.min(pause.to, at);
        break;
      case "skew":
        if (event.by < 0) setBack.push({ ...moment, process });
        break;
      case "lost":
        lost.push({ ...moment, key: event.key });
        break;
      case "rest":
        rests.push(event);
    }
  });

  const end = { at: events.at(-1)?.at ?? 0, seq: events.length };
  for (const { closing, fetches } of calls.values()) {
    if (closing !== undefined) fetches.forEach((fetch) => close(fetch, closing));
  }
  for (const lease of leases.values()) {
    if (lease.fetch !== undefined && wonTooLate(lease)) {
      delete lease.fetch.lease;
      delete lease.fetch;
    }
  }

  for (const fetch of fetches.values()) {
    if (fetch.batch !== undefined) endForItsKey(fetch);
  }

  return {
    backend,
    slack,
    instant,
    calls: [...calls.values()],
    fetches: [...fetches.values()],
    operations: [...operations.values()],
    leases: [...leases.values()],
    changes: [...changes.values()],
    scenes: [...scenes.values()],
    rests,
    spans,
    traced: (process) => traced[process] ?? false,
    setBack,
    lost,
    crashed: (process) => crashes.get(process),
    running: (process, from, to) =>
      (pauses.get(process) ?? []).reduce(
        (left, pause) => left - Math.max(0, Math.min(to, pause.to) - Math.max(from, pause.from)),
        to - from,
      ),
    paused: (process, from, to) =>
      (pauses.get(process) ?? []).some((pause) => pause.from <= to && pause.to >= from),
    isGone: (process, from, to) =>
      (absences.get(process) ?? []).some((gone) => gone.from <= from && gone.to >= to),
    absences: (process) => absences.get(process) ?? [],
    isBefore: (one, other) => one.seq <= other.seq && one.at + instant <= other.at,
    sceneOf,
    counted: (key) => counted.get(key) ?? [],
    missed,
    heard,
    end,
  };

  /** Ends a fetch that went on when its client was closed: what it ends with later is nobody's. */
  function close(fetch: FetchStory, closing: Moment): void {
    const { at, seq, result } = fetch.ended ?? { ...end, result: undefined };
    const isByItself = result !== undefined && result.type !== "interrupted" &&
      (fetch.unwanted?.seq ?? Infinity) > seq;
    if (seq < closing.seq || (isByItself && at <= closing.at + instant)) return;
    fetch.ended = { ...closing, result: { type: "interrupted" } };
    if ((fetch.unwanted?.seq ?? -1) < closing.seq) return;
    fetch.unwantedLate = fetch.unwanted!;
    delete fetch.unwanted;
  }

  /** The lease that the call was last told that it leads, unless it has ended that or fetched under it. */
  function leaseOf(
    { operations }: Scene,
    { call }: Pick<FetchStory, "call">,
  ): LeaseStory | undefined {
    const owners = new Set(
      operations.flatMap(({ question: { owner } }) =>
        owner?.startsWith(`call ${call.call}:`) ? [owner] : []
      ),
    );
    const last = leases.get([...owners].at(-1) ?? "");
    // What is fetched with others waits for them, and the lease is renewed meanwhile.
    const acquired = last?.operations.findLast(({ question }) => question.operation !== "renew");
    const { answered } = acquired ?? {};
    if (answered?.answer.is !== "Leader" || last!.fetch !== undefined) return undefined;
    const looks = backend.fenced
      ? []
      : operations.filter(({ question, asked }) =>
        question.operation === "get" && asked.seq > answered.seq
      );
    const [look] = looks;
    // Whose look isn't answered yet has had no time to wait for it.
    const isUnanswered = looks.length > 0 && looks.every((each) => overAt(each) === undefined);
    return isUnanswered || look?.failed?.corrupt === false || look?.dropped ? undefined : last;
  }

  /** A fetch of many keys goes on for the others, when nobody wants one of them any more; for that one it has ended then. */
  function endForItsKey(fetch: FetchStory): void {
    const { batch, began, ended, unwanted, lease } = fetch;
    const others = [...fetches.values()].filter((each) => each.batch === batch && each !== fetch);
    const end = (moment: Moment) => {
      fetch.unwanted = moment;
      fetch.ended = { ...moment, result: { type: "interrupted" } };
    };
    const release = lease?.operations.find(({ question, asked }) =>
      question.outcome === "cancelled" && asked.seq > began.seq &&
      asked.seq < (ended?.seq ?? Infinity)
    );
    if (release !== undefined && others.length > 0) {
      return end({ at: release.asked.at, seq: release.asked.seq - 0.5 });
    }
    const last = lastWaiter(fetch);
    if (goesOnAnyway(fetch) || last === undefined || last.seq >= (ended?.seq ?? Infinity)) return;
    const isWanted = others.some((each) => (lastWaiter(each)?.at ?? Infinity) > last.at);
    // All that go together do so one after the other, and the signal fires when the last has.
    if (isWanted || (unwanted !== undefined && unwanted.at <= last.at + slack)) end(last);
  }

  function goesOnAnyway(fetch: FetchStory): boolean {
    return isRefresh({ instant }, fetch) ||
      (fetch.call.terms.finish === true && fetch.lease !== undefined);
  }

  /** When the last left who waited for a fetch; undefined for one that is waited for, or that goes on for nobody. */
  function lastWaiter(fetch: FetchStory): Moment | undefined {
    const { call } = fetch;
    if (goesOnAnyway(fetch)) return undefined;
    // Who comes when nobody is left doesn't join it.
    const callers = call.terms.coalesce ? sceneOf(call).calls : [call];
    let last = activeUntil(call);
    for (;;) {
      const until: Moment | undefined = last;
      if (until === undefined) return undefined;
      const ends = callers.filter(({ began }) => began.seq < until.seq).map(activeUntil);
      last = ends.reduce(
        (one, other) => one && other && (one.seq > other.seq ? one : other),
        until as Moment | undefined,
      );
      if (last === until) return last;
    }
  }

  /** When its owner learned that it leads. */
  function wonAt(lease: LeaseStory | undefined): Moment | undefined {
    const { answered } =
      lease?.operations.findLast(({ question }) => question.operation !== "renew") ?? {};
    if (answered === undefined) return undefined;
    const look = lookBehind(sceneOf(lease!.call).operations, answered);
    const { at, seq } = (look && overAt(look)) ?? answered;
    return { at, seq };
  }

  /** Halves look at the entry before they say who leads, and that may fail. */
  function lookBehind(operations: readonly OperationStory[], answered: Moment) {
    return backend.fenced
      ? undefined
      : operations.find(({ question, asked }) =>
        question.operation === "get" && asked.seq > answered.seq
      );
  }

  /** Whether the answer came when its time, or the time to wait for it, was out, and the call let go of it and fetched without. */
  function wonTooLate({ call, operations, fetch }: LeaseStory): boolean {
    const index = operations.findLastIndex(({ question }) => question.operation === "acquire");
    const { answered, asked } = operations[index]!;
    if (answered === undefined) return false;
    const { began, terms: { bypass, operationTimeout, waitMax } } = call;
    const behind = lookBehind(sceneOf(call).operations, answered);
    const last = (behind && overAt(behind)) ?? answered;
    const next = operations[index + 1];
    if (next?.question.outcome !== "cancelled") return false;
    if (index > 0 && last.at - began.at >= waitMax - slack && next.asked.at <= last.at + slack) {
      return true;
    }
    return bypass && last.at - asked.at >= operationTimeout && next.asked.at === fetch!.began.at;
  }
}

/** The call that an owner of a lease tells of. */
export function callOf(
  { calls }: Pick<Story, "calls">,
  owner: string | undefined,
): CallStory | undefined {
  return callsByNumber(calls).get(numberOf(owner));
}

const callsByNumber = once((calls: readonly CallStory[]) =>
  new Map(calls.map((each) => [each.call, each]))
);

/** What is made of a thing the first time that it is asked for. */
function once<Of extends object, A>(make: (of: Of) => A): (of: Of) => A {
  const made = new WeakMap<Of, A>();
  return (of) => {
    if (!made.has(of)) made.set(of, make(of));
    return made.get(of)!;
  };
}

function numberOf(owner: string | undefined): number {
  return Number(/^call (\d+):/.exec(owner ?? "")?.[1]);
}

function newLease(owner: string, calls: ReadonlyMap<number, CallStory>): LeaseStory {
  const call = calls.get(numberOf(owner));
  if (call === undefined) throw new Error(`Cannot tell whose owner ${owner} is`);
  return { owner, call, operations: [] };
}

/**
 * Between which moments the backend did an operation, whose answer comes with them; undefined where it may not have, or
 * later.
 */
export function deedOf(
  { backend: { seen } }: Story,
  { asked, done, answered }: OperationStory,
): Deed | undefined {
  if (seen === "deeds") return done && { first: done, last: done, answer: done.answer };
  return answered && { first: asked, last: answered, answer: answered.answer };
}

/** What a backend did: at one moment, if that is known, or else at some moment between two. */
export interface Deed {
  readonly first: Moment;
  readonly last: Moment;
  readonly answer: Answer;
}

/** Since when a key may be changed at any time: by who asked for it and was never answered. */
export function unsureSince({ backend: { seen }, operations }: Story, key: string): number {
  if (seen === "deeds") return Infinity;
  return Math.min(
    ...operations.flatMap(({ question, asked, answered }) =>
      question.key === key && isChange(question) && answered === undefined ? asked.seq : []
    ),
  );
}

/** Whether it changes a key, whoever leads. */
export function isChange({ operation }: Question): boolean {
  return operation === "set" || operation === "expire" || operation === "delete";
}

/** When an operation was over for who asked. */
export function overAt({ answered, failed, dropped }: OperationStory): Moment | undefined {
  return answered ?? failed ?? dropped;
}

/**
 * Whether the infrastructure failed an operation, as far as who asked could tell. An answer may come in the very moment
 * in which its time is out, which after a pause can be late.
 */
export function failedToAnswer(story: Story, operation: OperationStory): boolean {
  return failedAlone(story, operation) ||
    togetherWith(story, operation).some((other) => failedAlone(story, other));
}

/** What may have been asked in one request with it, for other keys of its batch: that fails for all of them. */
function togetherWith(story: Story, { question, asked, process }: OperationStory) {
  const batch = callOf(story, question.owner)?.batch;
  if (batch === undefined) return [];
  return askedTogether(story.operations).get(placeOf({ question, asked, process }))!
    .filter((other) => callOf(story, other.question.owner)?.batch === batch);
}

/** Whether a read may be one request with those of other keys, for a call for many: it is answered once all of them are. */
export function isReadWithOthers(story: Story, read: OperationStory): boolean {
  const { question: { operation, key }, asked, process } = read;
  if (operation !== "get") return false;
  const batchesOf = (key: string) =>
    story.sceneOf({ process, key }).calls.flatMap(({ batch, began }) =>
      batch !== undefined && began.seq < asked.seq && began.at + story.slack >= asked.at
        ? batch
        : []
    );
  const batches = new Set(batchesOf(key));
  return askedTogether(story.operations).get(placeOf(read))!.some((other) =>
    other !== read && batchesOf(other.question.key).some((batch) => batches.has(batch))
  );
}

type Asked = Pick<OperationStory, "question" | "asked" | "process">;

function placeOf({ question, asked, process }: Asked): string {
  return `${process} ${question.operation} ${asked.at}`;
}

/** The operations of one kind that a process has asked for in one moment. */
const askedTogether = once((operations: readonly OperationStory[]) => {
  const places = new Map<string, OperationStory[]>();
  for (const operation of operations) {
    const place = placeOf(operation);
    const there = places.get(place);
    if (there === undefined) places.set(place, [operation]);
    else there.push(operation);
  }
  return places;
});

/** The shortest time that an operation of any of these calls may take, in milliseconds. */
export const shortestTimeout: (calls: readonly CallStory[]) => number = once((
  calls: readonly CallStory[],
) => Math.min(...calls.map(({ terms }) => terms.operationTimeout)));

function failedAlone(story: Story, operation: OperationStory): boolean {
  const { answered, failed, dropped } = operation;
  const timeout = shortestTimeout(story.calls);
  const told = answered ?? failed;
  return dropped !== undefined || (failed !== undefined && !failed.corrupt) ||
    (told !== undefined && told.at - beginningOf(story, operation).at >= timeout - story.slack);
}

/** What halves may have been asked right before, for the same answer. */
const partsBefore: Readonly<Record<string, readonly string[]>> = {
  acquire: ["ready"],
  get: ["acquire", "ready"],
  ready: ["set"],
  release: ["get", "ready"],
};

/** Since when the engine waits for the answer that this operation is a part of. */
export function beginningOf(
  story: Story,
  { process, question, asked }: OperationStory,
): Moment {
  const parts = story.backend.fenced ? [] : partsBefore[question.operation] ?? [];
  const before = parts.length === 0
    ? undefined
    : story.sceneOf({ process, key: question.key }).operations.findLast((each) => {
      const over = overAt(each);
      return parts.includes(each.question.operation) && over !== undefined &&
        over.seq < asked.seq && asked.at - over.at <= story.slack;
    });
  return before === undefined ? asked : beginningOf(story, before);
}

/** Whether all that went on in a scene is one flight at a time that everyone in it joined. */
export function isPlain(story: Story, { calls, changes, operations, fetches }: Scene): boolean {
  return changes.length === 0 &&
    calls.every((call) => call.terms.coalesce && !mayBeStale(call) && !mayRefresh(call)) &&
    fetches.every(({ lease, ended = story.end }) =>
      lease !== undefined && !mayLapse(story, lease, ended.at)
    ) &&
    !operations.some(({ question, answered }) =>
      question.operation === "renew" && answered?.answer.is === "false"
    );
}

/** For how long a call may have a stale value: one that has the key fetched has none. */
export function windowsOf({ terms }: CallStory): StaleWindows {
  const { staleWhileRevalidate = 0, staleIfError = 0, refresh } = terms;
  return refresh
    ? { staleWhileRevalidate: 0, staleIfError: 0 }
    : { staleWhileRevalidate, staleIfError };
}

type StaleWindows = { readonly [Name in "staleWhileRevalidate" | "staleIfError"]: number };

function mayRefresh({ terms: { refresh, refreshAhead } }: CallStory): boolean {
  return refresh === true || refreshAhead !== undefined;
}

function mayBeStale(call: CallStory): boolean {
  const { staleWhileRevalidate, staleIfError } = windowsOf(call);
  return staleWhileRevalidate > 0 || staleIfError > 0;
}

/** Whether a call had its value, as a hit, by a time. */
export function hasHit({ ended }: CallStory, { at }: Moment): boolean {
  return ended?.ending.type === "value" && ended.ending.cache === "HIT" && ended.at <= at;
}

/** Whether what a call fetches is for nobody, as it has hit. */
export function isAhead(
  { terms: { refreshAhead, refresh }, hooks, left, fetches }: CallStory,
): boolean {
  if (refreshAhead === undefined || refresh) return false;
  return hitOf(hooks) !== undefined ||
    // Others shared the read of one who has left since.
    (left !== undefined && fetches.some(({ began }) => began.seq > left.seq));
}

/** When a call hit. Who read for a value in place of a wait that was over has followed. */
function hitOf(hooks: CallStory["hooks"]): Moment | undefined {
  return hooks.find(({ hook, tag }) =>
    hook === "onHit" || (hook === "onFollowerWait" && tag === "HIT")
  );
}

/** When a call that waited for a fresh value had the stale one, as its time for that was over. */
export function slowAt({ hooks, terms }: CallStory): Moment | undefined {
  return terms.softTimeout === undefined
    ? undefined
    : hooks.find(({ hook, tag }) => hook === "onStale" && tag === "slow");
}

/**
 * Whether a fetch goes on though nobody waits for it, as the last of them has waited for as long as it may for a fresh value.
 */
export function isSlow(story: Story, { call, lease, began, ended }: FetchStory): boolean {
  const since = lease?.operations[0]?.asked;
  if (since === undefined) return false;
  const end = ended ?? story.crashed(call.process) ?? story.end;
  const callers = call.terms.coalesce ? story.sceneOf(call).calls : [call];
  return callers.some((caller) => {
    const slow = slowAt(caller);
    return slow !== undefined && slow.seq > Math.min(since.seq, began.seq) && slow.seq <= end.seq;
  });
}

/** Whether a fetch was begun for a caller who has had a stale value, or left before it could tell. */
export function isRefresh(
  { instant }: Pick<Story, "instant">,
  { call, began }: FetchStory,
): boolean {
  const { hooks, left } = call;
  // Who hit as its own fetch had failed began that before.
  if (isAhead(call)) return began.at >= (hitOf(hooks)?.at ?? -Infinity);
  return windowsOf(call).staleWhileRevalidate > 0 &&
    (hooks.some(({ hook, tag }) => hook === "onStale" && tag === "refreshing") ||
      (left !== undefined && left.at <= began.at + instant));
}

/**
 * For how long a fetch is waited for, and its lease renewed, by the docs: 5 minutes, or 20 times the lease; until it ends where
 * it has a `fetchTimeout`.
 */
export function longestFetch({ terms: { leaseTtl, fetchTimeout } }: CallStory): number {
  return fetchTimeout === undefined ? Math.max(300_000, 20 * leaseTtl) : Infinity;
}

/** Whether the lease may be left to expire by a time, as it was renewed for as long as it is. */
export function mayLapse(story: Story, lease: LeaseStory, at: number): boolean {
  return lease.fetch !== undefined &&
    at - lease.fetch.began.at >=
      longestFetch(lease.call) - lease.call.terms.leaseTtl / 3 - story.slack;
}

export function renewalsOf({ operations }: LeaseStory): OperationStory[] {
  return operations.filter(({ question }) => question.operation === "renew");
}

/** When the process may have learned, before its fetch ended, that it holds the lease no more. */
export function mayNoticeLoss(lease: LeaseStory): Moment | undefined {
  const over = lease.fetch?.ended?.at ?? Infinity;
  return renewalsOf(lease).find(({ answered }) =>
    answered?.answer.is === "false" && answered.at <= over
  )?.answered;
}

/** When it surely did: not in the moment in which the fetch ended, or in which the renewal's time was out. */
export function noticedLoss(story: Story, lease: LeaseStory): Moment | undefined {
  const over = lease.fetch?.ended?.at ?? Infinity;
  return renewalsOf(lease).find((renewal) =>
    renewal.answered?.answer.is === "false" && renewal.answered.at + story.instant < over &&
    !failedToAnswer(story, renewal)
  )?.answered;
}

/** Whether whoever reads may have left before, and nobody was told. */
export function mayBeGivenUp(story: Story, reading: OperationStory, before: Moment): boolean {
  const { process, question: { operation, key }, asked } = reading;
  return story.backend.silent && operation === "get" &&
    story.sceneOf({ process, key }).calls.some(({ left }) =>
      left !== undefined && left.seq > asked.seq && left.seq < before.seq
    );
}

/** Whether nobody waits any more for an acquire, whose answer is waited for all the same. */
export function mayBeTooLate({ leases, slack }: Story, look: OperationStory, at: Moment): boolean {
  const { call: { began, terms: { waitMax } }, operations } = leases.find(({ owner }) =>
    owner === look.question.owner
  )!;
  return look !== operations[0] && began.at + waitMax <= at.at + slack;
}

/** Until when a call was there. */
export function activeUntil({ ended: returned, left, hooks }: CallStory): Moment | undefined {
  // One of many keys may have its value when its process crashes before the others have theirs.
  const ended = returned ?? hooks.find(({ hook }) => hook === "onOutcome");
  return left !== undefined && (ended === undefined || left.seq < ended.seq) ? left : ended;
}

/** Whether it is told late how a call ended: a failure of one of many keys is told when all have ended. */
export function isToldLate({ batch, ended }: CallStory): boolean {
  return batch !== undefined && ended?.ending.type !== "value";
}

/** How long an operation took who asked, or takes still. */
export function durationOf(story: Story, operation: OperationStory): number {
  const over = overAt(operation)?.at ?? story.crashed(operation.process)?.at ?? story.end.at;
  return story.running(operation.process, operation.asked.at, over);
}

/** The fetch's value, if it has one. */
export function valueOf({ ended }: FetchStory): { readonly value: unknown } | undefined {
  return ended?.result.type === "value" ? ended.result : undefined;
}
