/** Sends a request, at once or later. */
export type Send = <A>(request: () => Promise<A>) => Promise<A>;

/**
 * The order of an owner's requests where the backend keeps none, as with several connections: a release must not come
 * before its acquire, even if that was given up.
 */
export interface RequestOrder {
  /** Sends an acquire, at once. */
  acquiring(key: string, owner: string): Send;
  /** Sends a release, once the owner's acquire is answered. */
  releasing(key: string, owner: string): Send;
}

/** Makes the order of one store. */
export function makeRequestOrder(): RequestOrder {
  const unanswered = new Map<string, Promise<unknown>>();
  const idOf = (key: string, owner: string) => `${owner}\0${key}`;
  return {
    acquiring: (key, owner) => (request) => {
      const id = idOf(key, owner);
      const asking = request();
      const settle = () => void (unanswered.get(id) === settled && unanswered.delete(id));
      const settled = asking.then(settle, settle);
      unanswered.set(id, settled);
      return asking;
    },
    releasing: (key, owner) => async (request) => {
      await unanswered.get(idOf(key, owner));
      return await request();
    },
  };
}

/** Keeps no order. */
export const sendAtOnce: Send = (request) => request();
