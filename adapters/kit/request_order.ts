import type { Backend, Row } from "./backend.ts";

/**
 * A backend whose requests may overtake one another, as on several connections, but for a release, which waits for its
 * owner's acquire, even if that was given up.
 */
export function inOrder<Found extends Row>(backend: Backend<Found>): Backend<Found> {
  const unanswered = new Map<string, Promise<unknown>>();
  const idOf = (name: string, owner: string) => `${owner}\0${name}`;
  return {
    ...backend,
    take(target, wanted) {
      const id = idOf(target.name, wanted.owner);
      const taking = backend.take(target, wanted);
      const settle = () => void (unanswered.get(id) === settled && unanswered.delete(id));
      const settled = taking.then(settle, settle);
      unanswered.set(id, settled);
      return taking;
    },
    async release(target, end) {
      await unanswered.get(idOf(target.name, end.owner));
      return await backend.release(target, end);
    },
  };
}
