import * as Effect from "effect/Effect";
import type { AdapterError } from "../model/errors.ts";
import { startable, startOf } from "./attempt.ts";

/** What is told of an operation. */
export interface Told<A> {
  /** It has an answer. */
  answered(answer: A): void;
  /** It is over, behind its answer or without one; told once. */
  ended(): void;
}

/** The same operation, started as quickly; `begin` is called as it starts, and gives what is told of it. */
export function overheard<A>(
  operation: Effect.Effect<A, AdapterError>,
  begin: () => Told<A>,
): Effect.Effect<A, AdapterError> {
  const start = startOf(operation);
  if (start === undefined) {
    return Effect.suspend(() => {
      const { answered, ended } = begin();
      const heard = Effect.map(operation, (answer) => {
        answered(answer);
        return answer;
      });
      return Effect.ensuring(heard, Effect.sync(ended));
    });
  }
  return startable((done, failed) => {
    const { answered, ended } = begin();
    let isOver = false;
    const end = () => {
      if (!isOver) ended();
      isOver = true;
    };
    const leave = start((answer) => {
      answered(answer);
      end();
      done(answer);
    }, (error) => {
      end();
      failed(error);
    });
    return () => {
      end();
      leave();
    };
  });
}
