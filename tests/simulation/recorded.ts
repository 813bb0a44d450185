import { Effect } from "effect";
import type { AdapterError, AdapterOperation, Store } from "../../mod.ts";
import { isAdapterError } from "../../mod.ts";
import type { Answer, Question, Recorder } from "./history.ts";

type Operation = (key: string, ...rest: never[]) => Effect.Effect<unknown, AdapterError>;

/** A store that does what another does, and writes down what it was asked and what it answered. */
export function recorded(
  store: Store<unknown>,
  recorder: Recorder,
  process: number,
): Store<unknown> {
  const note = (question: Question, run: () => Effect.Effect<unknown, AdapterError>) =>
    Effect.suspend(() => {
      const operation = recorder.number();
      recorder.note(process, { type: "ask", operation, question });
      return Effect.onExit(
        Effect.matchEffect(run(), {
          onSuccess: (answer) =>
            Effect.sync(() => {
              recorder.note(process, { type: "answer", operation, answer: answerOf(answer) });
              return answer;
            }),
          onFailure: (error) => {
            recorder.note(process, { type: "failure", operation, corrupt: error.corrupt });
            return Effect.fail(error);
          },
        }),
        (exit) =>
          Effect.sync(() => {
            if (exit._tag === "Failure" && !failedWith(exit.cause)) {
              recorder.note(process, { type: "dropped", operation });
            }
          }),
      );
    });
  const wrapped: Partial<Record<AdapterOperation, unknown>> = {};
  for (const [operation, parameters] of Object.entries(parametersOf)) {
    const method = store[operation as keyof Store<unknown>] as Operation | undefined;
    if (method === undefined) continue;
    wrapped[operation as AdapterOperation] = (key: string, ...rest: never[]) => {
      const said = Object.fromEntries(parameters.map((name, index) => [name, rest[index]]));
      return note(
        { operation: operation as AdapterOperation, key, ...said },
        () => method.call(store, key, ...rest),
      );
    };
  }
  return { ...store, ...wrapped } as Store<unknown>;
}

const parametersOf = {
  get: [],
  set: ["value", "ttl"],
  delete: [],
  acquire: ["owner", "ttl", "waitedFor"],
  renew: ["owner", "ttl"],
  fill: ["owner", "value", "ttl"],
  release: ["owner", "outcome"],
  watch: [],
} as const;

function failedWith(cause: unknown): boolean {
  const { reasons = [cause] } = cause as { reasons?: readonly unknown[] };
  return reasons.some((reason) => isAdapterError((reason as { error?: unknown }).error));
}

function answerOf(answer: unknown): Answer {
  if (typeof answer === "boolean") return { is: String(answer) };
  if (answer === undefined) return { is: "none" };
  const { _tag, entry, remaining, lease, after, value } = answer as {
    readonly _tag?: string;
    readonly entry?: { readonly value: unknown };
    readonly remaining?: number;
    readonly lease?: string;
    readonly after?: "failed";
    readonly value?: unknown;
  };
  if (_tag === "Hit") return { is: _tag, value: entry?.value };
  if (_tag !== undefined) return { is: _tag, remaining, lease, after };
  return "value" in (answer as object) ? { is: "entry", value } : { is: "done" };
}
