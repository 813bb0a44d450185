import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PostgresClient, PostgresRow } from "../../../adapters/postgres.ts";
import { postgresJsCommands } from "../../../adapters/postgres/postgres_js.ts";
import { CHANGES } from "../../../adapters/postgres/session.ts";

const CHANNEL = "a channel";

/** A client as postgres.js makes it, whose first message to itself is lost, and maybe the connection that listens with it. */
function losing(what: "the message" | "the connection"): PostgresClient {
  const row = { 0: new TextEncoder().encode("1") } as unknown as PostgresRow;
  const answered = (rows: readonly PostgresRow[] = [row]) => ({ raw: () => Promise.resolve(rows) });
  const channels: Record<string, { result: Promise<unknown> }> = {};
  let notify = (_payload: string) => {};
  let sent = 0;
  const listen = (channel: string, onnotify: typeof notify, onlisten?: () => void) => {
    notify = onnotify;
    channels[channel] = { result: Promise.resolve() };
    onlisten?.();
    return Promise.resolve({ unlisten: () => Promise.resolve() });
  };
  const own = { unsafe: () => answered(), close: () => Promise.resolve() };
  return {
    listen: Object.assign(listen, { channels, sql: own }),
    unsafe(_, [channel, payload]) {
      if (++sent > 1) notify(String(payload));
      // Its listener has it listen again.
      else if (what === "the connection") {
        channels[String(channel)] = { result: Promise.resolve() };
      }
      return answered();
    },
  };
}

/** What a line that tells of changes comes to. */
function comesTo(client: PostgresClient): Promise<string> {
  const push = postgresJsCommands(client).pushOn(CHANNEL)!;
  return new Promise((resolve) => {
    const letGo = push.hold(CHANGES, () => resolve("it stands"), {
      message() {},
      lost() {},
      none: () => resolve("there is none"),
    });
    setTimeout(letGo, 2000);
  });
}

describe("a connection of postgres.js that is tried, whether it hears what others send", () => {
  it("is tried again where it was lost meanwhile", async () => {
    assert.equal(await comesTo(losing("the connection")), "it stands");
  });

  it("is left alone where it stands and hears nothing", async () => {
    assert.equal(await comesTo(losing("the message")), "there is none");
  });
});
