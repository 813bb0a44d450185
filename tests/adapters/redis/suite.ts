import { Effect, type Scope } from "effect";
import type { Redis } from "ioredis";
import { before, describe } from "node:test";
import { redisAdapter, type RedisClient } from "../../../adapters/redis.ts";
import { conformance } from "../../conformance/mod.ts";
import { damageFor, reversed } from "../../support/reversed.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { hangUp } from "./clients.ts";
import { damageOf } from "./damage.ts";
import { connect, skip } from "./fixture.ts";

/** The clients of one server that a suite opens. */
export interface OneServer {
  readonly open: Effect.Effect<RedisClient, unknown, Scope.Scope>;
  /** The prefix that the client has itself; none by default. */
  readonly prefix?: string;
  /** Whether the adapter has every option that it can have; by default it has none. */
  readonly everyOption?: boolean;
}

/** The conformance suite over one server, by a client of any library. */
export function suite(
  name: string,
  { open, prefix = "", everyOption = false }: OneServer,
): void {
  describe(name, () => {
    let admin: Redis;
    before(() => void (skip || (admin = connect())));
    const options = everyOption
      ? { cache: { keyPrefix: "cache:" }, leases: { keyPrefix: "locks:" }, codec: reversed }
      : {};
    const entry = (key: string) => `${prefix}${options.cache?.keyPrefix ?? ""}${key}`;
    const lease = (key: string) =>
      `${prefix}${options.leases?.keyPrefix ?? "lease:"}{${entry(key)}}`;
    const cases = conformance({
      open: Effect.map(open, (client) => redisAdapter({ client, ...options })),
      mortal: Effect.map(open, (client) => ({
        store: redisAdapter({ client, ...options }),
        die: () => hangUp(client),
      })),
      damage: damageFor(options.codec, damageOf(() => admin, { entry, lease })),
      leftovers: (key) =>
        Effect.promise(async () => [
          ...await admin.keys(entry(key)),
          ...await admin.keys(lease(key)),
        ]),
      values: everyOption ? [[null, "é"]] : [],
    });
    sideBySide(cases, { skip, atOnce: 4 });
  });
}
