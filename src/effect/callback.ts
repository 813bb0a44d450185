import * as Effect from "effect/Effect";

type Callback = <A, E>(
  register: (resume: (effect: Effect.Effect<A, E>) => void) => Effect.Effect<void> | void,
) => Effect.Effect<A, E>;

interface EitherEffect {
  readonly callback?: Callback;
  readonly async?: Callback;
}

// Each Effect lacks one of them. A bundler refuses that, or keeps all of Effect, unless it is asked for in this way.
const inEffect4 = (Effect as unknown as EitherEffect)?.callback;
const inEffect3 = (Effect as unknown as EitherEffect)?.async;

// Effect 3's own registers before it is ready to call it off, and may be interrupted between the two.
const carefully: Callback = (register) =>
  Effect.suspend(() => {
    let callOff: Effect.Effect<void> | void;
    return Effect.onInterrupt(
      inEffect3!((resume) => {
        callOff = register(resume);
      }),
      () => callOff ?? Effect.void,
    );
  });

/** Waits until `resume` is called, and goes on with its effect; what `register` returns is run on interruption. */
export const callback: Callback = inEffect4 ?? carefully;
