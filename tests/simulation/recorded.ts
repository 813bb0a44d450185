import { Effect } from "effect";
import type { AdapterError, AdapterOperation, Store, Watch } from "../../mod.ts";
import { attempt, startOf } from "../../src/store/attempt.ts";
import type { AcquireOptions, Failure, L1Settings, Lifetime } from "../../src/store/store.ts";
import type { Answer, Question, Recorder } from "./history.ts";

type Operation = (key: string, ...rest: never[]) => Effect.Effect<unknown, AdapterError>;

/** How an operation ends for who asked. */
type End =
  | { readonly type: "answer"; readonly answer: Answer }
  | { readonly type: "failure"; readonly corrupt: boolean }
  | { readonly type: "dropped" };

/** A store of a process, by its number, that does what another does, and writes down what it was asked and answered. */
export function recorded(
  store: Store<unknown>,
  recorder: Recorder,
  process: number,
): Store<unknown> {
  /** What it returns notes how it ended, the first time. */
  const ask = (question: Question) => {
    const operation = recorder.number();
    let open = true;
    recorder.note(process, { type: "ask", operation, question });
    return (end: End): void => {
      if (open) recorder.note(process, { ...end, operation });
      open = false;
    };
  };
  const noted = (
    effect: Effect.Effect<unknown, AdapterError>,
    { key, operation }: Question,
    end: (end: End) => void,
  ) =>
    Effect.onExit(
      Effect.matchEffect(effect, {
        onSuccess: (answer) =>
          Effect.sync(() => {
            end({ type: "answer", answer: answerOf(answer) });
            if (operation !== "watch" || answer === undefined) return answer;
            const push = () => recorder.note(process, { type: "push", key });
            const { next } = answer as Watch;
            return { next: Effect.tap(next, () => Effect.sync(push)) };
          }),
        onFailure: (error) => {
          end({ type: "failure", corrupt: error.corrupt });
          return Effect.fail(error);
        },
      }),
      () => Effect.sync(() => end({ type: "dropped" })),
    );
  /** What is a promise stays one, as the engine runs promises otherwise than other effects. */
  const note = (question: Question, effect: Effect.Effect<unknown, AdapterError>) => {
    const { operation, key } = question;
    const start = startOf(effect);
    if (start === undefined) {
      return Effect.suspend(() => noted(effect, question, ask(question)));
    }
    let end: (end: End) => void;
    return attempt(
      operation,
      key,
      (signal) =>
        new Promise((resolve, reject) => {
          end = ask(question);
          const leave = start(resolve, reject);
          signal().addEventListener("abort", () => {
            leave();
            end({ type: "dropped" });
          });
        }),
      (answer) => {
        end({ type: "answer", answer: answerOf(answer) });
        return answer;
      },
      (error) => {
        end({ type: "failure", corrupt: (error as AdapterError).corrupt });
        return error as AdapterError;
      },
    );
  };
  const wrapped: Partial<Record<AdapterOperation | "announce", unknown>> = {};
  for (const [operation, parameters] of Object.entries(parametersOf)) {
    const method = store[operation as keyof Store<unknown>] as Operation | undefined;
    if (method === undefined) continue;
    wrapped[operation as AdapterOperation] = (key: string, ...rest: never[]) => {
      const said = Object.fromEntries(
        parameters.map((name, index) => [name, toldBy(name, rest[index])]),
      );
      return note(
        { operation: operation as AdapterOperation, key, ...said, ...moreToldBy(rest) },
        method.call(store, key, ...rest),
      );
    };
  }
  if (store.announce !== undefined) wrapped.announce = announcing(store, recorder, process);
  const { withL1 } = store;
  const more = withL1 && {
    withL1: (settings: L1Settings) => recorded(withL1(settings), recorder, process),
  };
  return { ...store, ...wrapped, ...more } as Store<unknown>;
}

/** Announces, and notes from when to when. */
function announcing(
  store: Store<unknown>,
  recorder: Recorder,
  process: number,
): NonNullable<Store<unknown>["announce"]> {
  return (key, owner) => {
    recorder.note(process, { type: "announce", key, owner });
    const letGo = store.announce!(key, owner);
    return () => {
      recorder.note(process, { type: "announced", key, owner });
      letGo();
    };
  };
}

/** What else the last argument says: of a lifetime, of the options of an acquire, and of a release, what is judged. */
function moreToldBy(rest: readonly unknown[]): Partial<Question> {
  const last = rest.at(-1) ?? {};
  const { staleFor, backOff, quietFor } = last as Lifetime & AcquireOptions & Partial<Failure>;
  return quietFor === undefined ? { staleFor, backOff } : { failure: last as Failure };
}

/** What an argument says: of a lifetime and of the options of an acquire, what is judged. */
function toldBy(name: string, argument: unknown): unknown {
  const { freshFor, waitedFor } = (argument ?? {}) as Lifetime & AcquireOptions;
  if (name === "waitedFor") return waitedFor;
  return name === "ttl" && typeof argument === "object" ? freshFor : argument;
}

const parametersOf = {
  get: [],
  set: ["value", "ttl"],
  expire: [],
  delete: [],
  acquire: ["owner", "ttl", "waitedFor"],
  renew: ["owner", "ttl"],
  fill: ["owner", "value", "ttl"],
  release: ["owner", "outcome"],
  watch: [],
} as const;

function answerOf(answer: unknown): Answer {
  if (typeof answer === "boolean") return { is: String(answer) };
  if (answer === undefined) return { is: "none" };
  const { _tag, entry, remaining, lease, after, value, watched, freshFor = Infinity } = answer as {
    readonly _tag?: string;
    readonly entry?: { readonly value: unknown };
    readonly remaining?: number;
    readonly lease?: string;
    readonly after?: "failed";
    readonly watched?: boolean;
    readonly value?: unknown;
    readonly freshFor?: number;
  };
  if (_tag === "Hit") return { is: _tag, value: entry?.value };
  if (_tag === "Leader") return { is: _tag, remaining, lease, after, value: entry?.value };
  if (_tag !== undefined) return { is: _tag, remaining, lease, after, watched };
  if (!("value" in (answer as object))) return { is: "done" };
  return freshFor > 0 ? { is: "entry", value } : { is: "stale", value, staleFor: -freshFor };
}
