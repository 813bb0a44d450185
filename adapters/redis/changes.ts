import { nothing } from "../../src/effect/nothing.ts";
import { cacheLockingError } from "../../src/model/errors.ts";
import { randomToken } from "../../src/model/token.ts";
import type { Changes } from "../../src/store/store.ts";
import { type Change, type ChangesOptions, hashOf, later, makeChanges } from "../kit/changes.ts";
import type { Push } from "../kit/push.ts";
import type { RedisCommands } from "./backend.ts";
import { INVALIDATED } from "./tracking.ts";

/** What the scripts tell of changes on a channel, which is the name without the client's prefix that counts them. */
function redisChanges({ keyPrefix, push, run }: RedisCommands, name: string): Changes {
  const channel = keyPrefix + name;
  return makeChanges({
    open: ({ stands, heard, lost, none }) =>
      push.hold(channel, stands, { message: (text) => heard(changeOf(text)), lost, none }),
    async look(aloud) {
      const told = await run("look", [name], aloud ? [randomToken(), channel] : [randomToken()]);
      return changeOf((told as readonly unknown[]).map(textOf).join(" "));
    },
  }, { again: AGAIN_MS });
}

/** After how long it is tried again where nothing is heard, in milliseconds: a client that is closed may be connected again. */
const AGAIN_MS = 5_000;

/** What tells of changes, by the name without the client's prefix of what counts them; undefined where nothing can. */
export function changesOf(
  commands: RedisCommands,
  name: string,
  options?: ChangesOptions,
): Changes | undefined {
  if (!commands.isCluster) return redisChanges(commands, name);
  const { keyPrefix, line } = commands;
  if (line === undefined) return undefined;
  const topic = keyPrefix + name;
  const changes = uncounted(commands, { name, line, topic, hashIn: Number, ...options });
  return { ...changes, ttl: CLUSTER_TTL_MS }; // mutate: cluster ttl
}

/**
 * What the server itself tells of changes of entries, whose names begin with `prefix`. `name` is what the channel begins with on
 * which this process hears itself, and `nameOf` has a key's name as the server sees it. Throws a `VALIDATION_ERROR` where it
 * can't.
 */
export function trackedChangesOf(
  commands: RedisCommands,
  { name, prefix, nameOf }: {
    readonly name: string;
    readonly prefix: string;
    readonly nameOf: (key: string) => string;
  },
): Changes {
  const line = commands.trackedLine(prefix);
  if (line === undefined) {
    const must = "left out, as redis tells this client of no changes by itself";
    const message = `Cannot use the option \`l1.tracking\`: it must be ${must}, and is true`;
    throw cacheLockingError("VALIDATION_ERROR", message, { phase: "options" });
  }
  const hashIn = (text: string) => text === "" ? undefined : hashOf(text);
  return {
    ...uncounted(commands, { name, line, topic: INVALIDATED, hashIn }),
    hashOf(key) {
      try {
        return hashOf(nameOf(key)); // mutate: tracked name
      } catch {
        return hashOf(key); // It has no name, and no entry.
      }
    },
  };
}

/**
 * How old an entry is served at most in a cluster, by default: nothing can count changes over all slots, so one may be lost
 * between two nodes without a sign.
 */
const CLUSTER_TTL_MS = 5_000;

/** What is heard by a line without numbers. */
interface Uncounted extends ChangesOptions {
  /** What begins the name of the channel on which this process hears itself; without the client's prefix. */
  readonly name: string;
  readonly line: Push;
  /** The topic that tells of changes. */
  readonly topic: string;
  /** The hash of the key of which a message tells; undefined if it tells of all. */
  readonly hashIn: (text: string) => number | undefined;
}

/**
 * Changes by a connection that tells of them without numbers. These are those of what it has heard. Whether it still hears, a
 * message shows that this process sends itself over another connection; where it hears none, it is opened anew.
 */
function uncounted(
  { keyPrefix, run }: RedisCommands,
  { name, line, topic, hashIn, after = later, ...options }: Uncounted,
): Changes {
  const own = name + randomToken();
  let number = 0;
  /** What was sent last and not heard yet. */
  let awaited: { readonly text: string; readonly heard: () => void } | undefined;
  let anew = nothing;
  return makeChanges({
    open({ stands, heard, lost, none }) {
      let letGo = nothing;
      const freshly = (then: () => void) => () => {
        awaited = undefined;
        then();
      };
      const begin = () => {
        // On one connection, in this order: once the second stands, so does the first.
        const leaveOwn = line.hold(keyPrefix + own, nothing, {
          message(text) {
            if (text !== awaited?.text) return;
            heard({ epoch: "", number: ++number });
            awaited.heard();
            awaited = undefined;
          },
          lost: nothing,
          none,
        });
        const leave = line.hold(topic, freshly(stands), {
          message(text) {
            const hash = hashIn(text);
            // A gap: any may have been changed.
            if (hash === undefined) number++; // mutate: tracked flush
            heard({ epoch: "", number: ++number, hash });
          },
          lost: freshly(lost),
          none,
        });
        letGo = () => {
          leave();
          leaveOwn();
        };
      };
      anew = freshly(() => {
        letGo();
        line.closeIdle();
        lost();
        letGo = after(ANEW_MS, begin); // mutate: cluster anew
      });
      begin();
      return () => {
        letGo();
        line.closeIdle();
      };
    },
    async look() {
      if (awaited !== undefined) { // mutate: cluster hears nothing
        anew();
        throw new Error("the connection hears nothing");
      }
      const text = randomToken();
      const hearing = new Promise<void>((heard) => awaited = { text, heard });
      await run("say", [own], [text]).catch((error) => {
        if (awaited?.text === text) awaited = undefined;
        throw error;
      });
      await hearing; // mutate: cluster hears itself
      return { epoch: "", number };
    },
  }, { again: AGAIN_MS, ...options, after });
}

/** After how long a line is opened anew that hears nothing, in milliseconds: all who use its connection let go of it first. */
const ANEW_MS = 2_000;

const text = new TextDecoder();

function textOf(told: unknown): string {
  return told instanceof Uint8Array ? text.decode(told) : String(told);
}

function changeOf(message: string): Change {
  const [epoch = "", number, hash] = message.split(" ");
  return { epoch, number: Number(number), hash: hash === undefined ? undefined : Number(hash) };
}
