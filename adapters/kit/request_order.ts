import type { Backend, Row } from "./backend.ts";

/**
 * A backend whose requests may overtake one another, as on several connections, but for a release, which waits for its
 * owner's acquire, even if that was given up.
 */
export function inOrder<Found extends Row>(backend: Backend<Found>): Backend<Found> {
  const unanswered = new Map<string, Promise<unknown>>();
  const idOf = (name: string, owner: string) => `${owner}\0${name}`;
  const remember = (ids: readonly string[], taking: Promise<unknown>) => {
    const settle = () => {
      for (const id of ids) if (unanswered.get(id) === settled) unanswered.delete(id);
    };
    const settled = taking.then(settle, settle);
    for (const id of ids) unanswered.set(id, settled);
  };
  const { takeMany, releaseMany } = backend;
  return {
    ...backend,
    take(target, wanted) {
      const taking = backend.take(target, wanted);
      remember([idOf(target.name, wanted.owner)], taking);
      return taking;
    },
    async release(target, end) {
      await unanswered.get(idOf(target.name, end.owner));
      return await backend.release(target, end);
    },
    ...(takeMany && {
      takeMany(asked) {
        const taking = takeMany(asked);
        remember(asked.map(([{ name }, { owner }]) => idOf(name, owner)), taking);
        return taking;
      },
    }),
    ...(releaseMany && {
      async releaseMany(asked) {
        await Promise.all(
          asked.map(([{ name }, { owner }]) => unanswered.get(idOf(name, owner))),
        );
        return await releaseMany(asked);
      },
    }),
  };
}
