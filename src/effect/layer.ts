import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";

/** The tag of a service: what `Context.Service` of Effect 4, or `Context.Tag` of Effect 3, makes. */
export interface ServiceTag<out Identifier, out Service> {
  /** Its name. */
  readonly key: string;
  /** What stands for it in requirements. */
  readonly Identifier: Identifier;
  /** The type of the service. */
  readonly Service: Service;
}

type LayerOf = <I, S, E, R>(
  tag: ServiceTag<I, S>,
  effect: Effect.Effect<S, E, R>,
) => Layer.Layer<I, E, Exclude<R, Scope.Scope>>;

interface EitherLayer {
  readonly scoped?: LayerOf;
  readonly effect: LayerOf;
}

// Effect 4's `effect` is Effect 3's `scoped`. Asked for as in callback.ts.
const { scoped, effect } = Layer as unknown as EitherLayer;

/** A layer with one service, which is made as the layer is built and let go of with it. */
export function serviceLayer<I, S, E, R>(
  tag: ServiceTag<I, S>,
  acquire: Effect.Effect<S, E, R>,
  release: (service: S) => Effect.Effect<void>,
): Layer.Layer<I, E, Exclude<R, Scope.Scope>> {
  return (scoped ?? effect)(tag, Effect.acquireRelease(acquire, release));
}
