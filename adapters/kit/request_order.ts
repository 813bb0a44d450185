/** Sends a request, now or later. */
export type Way = <A>(send: () => Promise<A>) => Promise<A>;

/**
 * The order of an owner's requests where the backend keeps none, as with several connections: a release must not come
 * before its acquire, even if that was given up.
 */
export interface LeaseOrder {
  /** The way of an acquire. */
  acquiring(key: string, owner: string): Way;
  /** The way of a release, which waits until the owner's acquire is answered. */
  releasing(key: string, owner: string): Way;
}

/** Makes the order of one store. */
export function makeLeaseOrder(): LeaseOrder {
  const underWay = new Map<string, Promise<unknown>>();
  const idOf = (key: string, owner: string) => `${owner}\0${key}`;
  return {
    acquiring: (key, owner) => (send) => {
      const id = idOf(key, owner);
      const asking = send();
      const settle = () => void (underWay.get(id) === settled && underWay.delete(id));
      const settled = asking.then(settle, settle);
      underWay.set(id, settled);
      return asking;
    },
    releasing: (key, owner) => async (send) => {
      await underWay.get(idOf(key, owner));
      return await send();
    },
  };
}

/** The way of what keeps to no order. */
export const straight: Way = (send) => send();

/** The longest that timers take, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/**
 * Sends what goes on for so many milliseconds, once nobody waits for it any more: to call an acquire off is not to undo
 * it.
 */
export async function patiently<A>(
  millis: number,
  unwanted: AbortSignal,
  send: (signal: AbortSignal) => Promise<A>,
): Promise<A> {
  const patience = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = () => timer = setTimeout(() => patience.abort(), Math.min(millis, LONGEST));
  unwanted.addEventListener("abort", wait, { once: true });
  try {
    return await send(patience.signal);
  } finally {
    unwanted.removeEventListener("abort", wait);
    clearTimeout(timer);
  }
}
