import { randomToken } from "../../src/model/token.ts";
import { PushForbidden, unref } from "../kit/push.ts";
import { sharedBy } from "../kit/shared.ts";
import { sha256 } from "../kit/sha256.ts";
import type { PostgresRow } from "./options.ts";

/** The topic that shows that this process is there: its connection holds a lock meanwhile. */
export const PRESENCE = "presence";

/** The topic of changes: while its connection hears them, it holds locks that others find taken. */
export const CHANGES = "changes";

/** What tells of a change is the hash of its key behind this; topics of keys never begin so. */
export const CHANGE = "~";

/** Sends a statement. */
type Send = (statement: string) => PromiseLike<readonly PostgresRow[]>;

/** The session of a client that listens to a channel. */
export interface Session {
  /** The number of the lock that shows that this process is there, while it is held. */
  lock: string | undefined;
  /** Ends once all is heard that was committed before; fails where the connection is another by now. While it hears changes. */
  heard: (() => Promise<void>) | undefined;
}

/** The session that all stores of a client have on a channel. */
export function sessionOf(client: object, channel: string): Session {
  return sharedBy(
    client,
    `session ${channel}`,
    (): Session => ({ lock: undefined, heard: undefined }),
  );
}

/** How many locks those who hear changes hold: those who change keys at the same moment rarely ask for the same. */
export const LOCKS = 16;

/** The first of the locks of a channel. */
export function locksOf(channel: string): string {
  return String(BigInt(`0x${sha256(channel).slice(0, 14)}0`));
}

/** Has a push be told what came on a channel. */
export function tell(message: (topic: string, text?: string) => void, payload: string): void {
  if (payload.startsWith(CHANGE)) message(CHANGES, payload.slice(CHANGE.length));
  else message(payload);
}

/**
 * Holds locks on a connection for as long as topics are subscribed to. A presence has one of its own each time: a session
 * whose connection is gone, and which the server still has, may hold that of the one before. Those of changes are shared by
 * all who hear them: once they are held, what was changed without being told of is committed.
 */
export function topicsOn(session: Session, channel: string, send: Send) {
  // The connection may hold those of other tables, too.
  let lock: string | undefined;
  let changes: { heard?: () => Promise<void> } | undefined;
  const first = locksOf(channel);
  const each = (what: string) =>
    send(`select ${what}(n) from generate_series(${first}, ${first} + ${LOCKS - 1}) as n`);
  const pid = async () => {
    const [row] = await send("select pg_backend_pid()");
    if (row === undefined) throw new PushForbidden("the connection hears nothing");
    return String(row[0]);
  };
  const leavePresence = () => {
    if (session.lock === lock) session.lock = undefined;
    lock = undefined;
  };
  const leaveChanges = () => {
    if (session.heard === changes?.heard) session.heard = undefined;
    changes = undefined;
  };
  return {
    /** The connection is to be closed. */
    leave() {
      leavePresence();
      leaveChanges();
    },
    async subscribe(topic: string): Promise<void> {
      if (topic === PRESENCE) {
        const number = lock = String(BigInt(`0x${sha256(randomToken()).slice(0, 15)}`));
        await send(`select pg_advisory_lock(${number})`);
        if (lock === number) session.lock = number;
      }
      if (topic === CHANGES) {
        leaveChanges();
        const own: typeof changes = changes = {};
        const known = await pid();
        await each("pg_advisory_lock_shared");
        if (changes !== own) return void each("pg_advisory_unlock_shared").then(ignore, ignore);
        // The server sends what was committed before it says that this statement is done.
        const heard = async () => {
          if (await pid() !== known) throw new Error("the connection for LISTEN is another");
        };
        session.heard = own.heard = heard;
      }
    },
    unsubscribe(topics: readonly string[]): void {
      if (lock !== undefined && topics.includes(PRESENCE)) {
        send(`select pg_advisory_unlock(${lock})`).then(ignore, ignore);
        leavePresence();
      }
      if (changes !== undefined && topics.includes(CHANGES)) {
        if (changes.heard) each("pg_advisory_unlock_shared").then(ignore, ignore);
        leaveChanges();
      }
    },
  };
}

/** How long a notification from another connection may take, in milliseconds, until it is known that none will come. */
const HEARD_MS = 500;

/**
 * Whether a connection hears what others send. Behind a pooler in transaction mode LISTEN succeeds, and then nothing comes.
 */
export async function hearsOthers(
  notify: () => PromiseLike<unknown>,
  hearing: Promise<void>,
): Promise<boolean> {
  await notify();
  const heard = hearing.then(() => true);
  // In steps: after a pause of this process a timer fires before what has come meanwhile is read.
  for (let step = 0; step < 5; step++) {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<boolean>((resolve) =>
      timer = unref(setTimeout(resolve, HEARD_MS / 5, false))
    );
    const hears = await Promise.race([heard, late]);
    clearTimeout(timer);
    if (hears) return true;
  }
  return false;
}

function ignore(): void {}
