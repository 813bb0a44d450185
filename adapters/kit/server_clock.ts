/** A server's clock, as far as its replies tell it, by dates of whole seconds. */
export interface ServerClock {
  /** The server's time in epoch milliseconds; this machine's, as long as no reply has told it. */
  now(): number;
  /** Notes the date of a reply that has just come, and when it was asked for, by `performance.now()`. */
  learn(date: number, sent: number): void;
}

/**
 * Makes the clock of one server, which is this machine's own as long as that agrees with what the server says: so all
 * whose clocks are right agree to the millisecond. One that is wrong is put right by no more than is needed to agree, so
 * to a second by the first reply, and more closely with each that comes near the turn of a second.
 *
 * `late`: how far the server's time may be past the date of its reply, in milliseconds; more than a second where a server
 * keeps that date ready for a while.
 */
export function makeServerClock({ late = 1000 }: { readonly late?: number } = {}): ServerClock {
  // How far the server's clock is ahead of the monotonic one.
  let least = -Infinity;
  let most = Infinity;
  return {
    now() {
      const monotonic = performance.now();
      return monotonic + Math.min(Math.max(Date.now() - monotonic, least), most);
    },
    learn(date, sent) {
      if (Number.isNaN(date)) return;
      const atLeast = date - performance.now();
      const atMost = date + late - sent;
      // Clocks drift, and machines sleep: what can't be true together is forgotten.
      const changed = atLeast > most || atMost < least;
      least = changed ? atLeast : Math.max(least, atLeast);
      most = changed ? atMost : Math.min(most, atMost);
    },
  };
}
