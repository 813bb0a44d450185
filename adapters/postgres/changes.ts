import { randomToken } from "../../src/model/token.ts";
import type { Changes } from "../../src/store/store.ts";
import { later, makeChanges } from "../kit/changes.ts";
import type { Push } from "../kit/push.ts";
import { sharedBy } from "../kit/shared.ts";
import { CHANGE, CHANGES, locksOf, type Session } from "./session.ts";
import type { PostgresCommands } from "./table.ts";

/** What the changes of a table are heard by. */
export interface PostgresChangesParts {
  readonly channel: string;
  readonly push: Pick<Push, "hold">;
  readonly session: Session;
  readonly query: PostgresCommands["query"];
}

/** After how long it is tried again where nothing is heard, in milliseconds: pg tries for itself after a minute. */
const AGAIN_MS = 61_000;

/**
 * The changes that the statements tell of on a table's channel, one for all stores of a client. A connection that listens
 * loses nothing while it stands, so the numbers are those of what it has heard. Whether it stands is asked of itself; whether
 * it hears what the other connections tell, once for each connection, by a message of theirs.
 */
export function postgresChanges(
  { channel, push, session, query }: PostgresChangesParts,
  after = later,
): Pick<Changes, "listen"> {
  // As a change is told of: where all connections have one session, its own locks are in nobody's way.
  const sign = `select case when not pg_try_advisory_xact_lock(${locksOf(channel)})
then pg_notify($1, $2) end`;
  let number = 0;
  let awaited: { readonly text: string; heard(): void } | undefined;
  return sharedBy(session, "changes", () =>
    makeChanges({
      open({ stands, heard, lost, none }) {
        return push.hold(CHANGES, stands, {
          message(text) {
            const isSign = text.startsWith(SIGN);
            heard({ epoch: "", number: ++number, hash: isSign ? undefined : Number(text) });
            if (text === awaited?.text) awaited.heard();
          },
          lost,
          none,
        });
      },
      async look(aloud) {
        if (session.heard === undefined) throw new Error("no connection listens");
        await session.heard();
        if (aloud) {
          const text = SIGN + randomToken();
          const hearing = new Promise<void>((heard) => awaited = { text, heard });
          await query(sign, [channel, CHANGE + text]);
          await hearing;
        }
        return { epoch: "", number };
      },
    }, { after, again: AGAIN_MS }));
}

/** What a message begins with that tells only that it was heard. */
const SIGN = "=";
