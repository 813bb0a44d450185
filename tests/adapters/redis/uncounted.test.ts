import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hashOf } from "../../../adapters/kit/changes.ts";
import type { Heard, Push } from "../../../adapters/kit/push.ts";
import type { RedisCommands } from "../../../adapters/redis/backend.ts";
import { changesOf, trackedChangesOf } from "../../../adapters/redis/changes.ts";
import { INVALIDATED, passInvalidated, track } from "../../../adapters/redis/tracking.ts";

/** Changes of a cluster, or of a server that tracks, over a line that is moved by hand, as the clock is. */
function world({ tracks = false } = {}) {
  let now = 1_000;
  let ticks: { at: number; then: () => void }[] = [];
  const held = new Map<string, { stands: () => void; heard: Heard }>();
  const said: [topic: string, text: string][] = [];
  let closed = 0;
  const line: Pick<Push, "hold" | "closeIdle"> = {
    hold(topic, stands, heard) {
      held.set(topic, { stands, heard: heard! });
      return () => void held.delete(topic);
    },
    closeIdle: () => void closed++,
  };
  const commands = {
    keyPrefix: "app:",
    isCluster: !tracks,
    line,
    trackedLine: () => line,
    run: (_: string, [topic]: string[], [text]: string[]) => {
      said.push([`app:${topic}`, text!]);
      return Promise.resolve(1);
    },
  };
  const options = {
    monotonic: () => now,
    after(millis: number, then: () => void) {
      const tick = { at: now + millis, then };
      ticks.push(tick);
      return () => void (ticks = ticks.filter((each) => each !== tick));
    },
  };
  const redis = commands as unknown as RedisCommands;
  const prefix = "entry:";
  const nameOf = (key: string) => prefix + key;
  const changes = tracks
    ? trackedChangesOf(redis, { name: "changes", prefix, nameOf })
    : changesOf(redis, "changes", options)!;
  const told: string[] = [];
  const leave = changes.listen({
    changed: (hash) => told.push(`changed ${hash}`),
    missed: () => told.push("missed"),
    stands: (until) => told.push(until === undefined ? "broken" : `until ${until}`),
    none: () => told.push("none"),
  });
  const settle = async () => {
    for (let turn = 0; turn < 10; turn++) await undefined;
  };
  const topic = tracks ? INVALIDATED : "app:changes";
  return {
    changes,
    held,
    leave,
    told: () => told.splice(0),
    closed: () => closed,
    tell: (text: string) => held.get(topic)!.heard.message(text),
    async stand() {
      held.get(topic)!.stands();
      await settle();
    },
    /** This process hears what it has said. */
    async hear() {
      for (const [topic, text] of said.splice(0)) held.get(topic)?.heard.message(text);
      await settle();
    },
    async pass(millis: number) {
      for (const end = now + millis; now < end; await settle()) {
        now = Math.min(end, ...ticks.map(({ at }) => at));
        const due = ticks.filter(({ at }) => at <= now);
        ticks = ticks.filter(({ at }) => at > now);
        for (const { then } of due) then();
      }
    },
  };
}

describe("changes that nothing counts", () => {
  const heard = async () => {
    const all = world();
    await all.stand();
    await all.hear();
    await all.hear();
    assert.equal(all.told().at(-1), "until 4000");
    return all;
  };

  it("are believed for as long as this process hears itself", async () => {
    const { changes, hear, leave, pass, tell, told, held } = await heard();
    assert.equal(changes.ttl, 5_000);
    tell("7");
    assert.deepEqual(told(), ["changed 7"]);
    await pass(1_000);
    await hear();
    assert.deepEqual(told(), ["until 5000"]);
    await pass(3_000);
    assert.deepEqual(told(), ["broken"]);
    leave();
    assert.equal(held.size, 0);
  });

  it("are heard by another connection once one hears nothing any more", async () => {
    const { closed, hear, held, pass, stand, told } = await heard();
    const [before] = held.values();
    await pass(4_000);
    assert.ok(told().includes("missed"));
    assert.deepEqual([held.size, closed()], [0, 1]);
    await hear();
    await pass(2_000);
    assert.equal(held.size, 2);
    assert.notEqual(before, [...held.values()][0]);
    await stand();
    await hear();
    await hear();
    assert.match(told().at(-1)!, /^until/);
  });
});

describe("changes that the server itself tells", () => {
  it("are those of the keys as the server has them, or of all", async () => {
    const { changes, hear, leave, stand, tell, told } = world({ tracks: true });
    await stand();
    await hear();
    await hear();
    assert.match(told().at(-1)!, /^until/);
    tell("entry:7");
    assert.deepEqual(told(), [`changed ${changes.hashOf("7")}`]);
    assert.equal(changes.hashOf("7"), hashOf("entry:7"));
    tell("");
    assert.deepEqual(told(), ["missed"]);
    leave();
  });

  it("are told key by key", () => {
    const told: (readonly [topic: string, text: string | undefined])[] = [];
    const message = (topic: string, text?: string) => void told.push([topic, text]);
    passInvalidated(["a", new TextEncoder().encode("\ufeffb")], message);
    passInvalidated(null, message);
    assert.deepEqual(told, ["a", "\ufeffb", ""].map((text) => [INVALIDATED, text]));
  });

  it("are asked for on the connection that tells them", async () => {
    const sent: string[] = [];
    const send = (...command: string[]) => Promise.resolve(sent.push(command.join(" ")) && 7);
    for (const prefix of ["", "entry:"]) await track(send, prefix);
    const tracking = "CLIENT TRACKING ON REDIRECT 7 BCAST";
    const id = "CLIENT ID";
    assert.deepEqual(sent, [id, tracking, id, `${tracking} PREFIX entry:`]);
  });
});
