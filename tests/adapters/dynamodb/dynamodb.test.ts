import type { DynamoDBClient, DynamoDBClientConfig } from "@aws-sdk/client-dynamodb";
import { Effect, Fiber } from "effect";
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  dynamodbAdapter,
  type DynamodbAdapterOptions,
  type DynamodbClient,
  dynamodbLeases,
} from "../../../adapters/dynamodb.ts";
import { Cache, type CacheLockingError, isAdapterError, type Store } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { conformance } from "../../conformance/mod.ts";
import { clientOf, createTable, dynamodbUrl, loadSdk, skip } from "./clients.ts";
import { damageOf } from "./damage.ts";
import { LOST, openProxy, type Proxy } from "./proxy.ts";
import { until } from "../../support/until.ts";
import { closing } from "../../support/closing.ts";
import { casesNamed, ofOptions, sideBySide } from "../../support/side_by_side.ts";
import { reversed } from "../../support/reversed.ts";
import {
  assertLeaseAlone,
  assertMeet,
  assertRefused,
  assertUnstored,
  operationsOn,
} from "../../support/adapter_cases.ts";

const sdk = skip === false ? await loadSdk() : undefined;
const run = Effect.runPromise;

const closed = closing((client: DynamoDBClient) => client.destroy());
const connect = (url = dynamodbUrl!, options?: DynamoDBClientConfig) =>
  closed(clientOf(sdk!, url, options));
const table = `dynamodb.test-${randomToken()}`;
const newKey = () => `dynamodb.test:${randomToken()}`;
let admin: DynamoDBClient;
let proxy: Proxy;
before(async () => {
  if (skip !== false) return;
  admin = connect();
  await createTable(sdk!, admin, { table });
  proxy = await openProxy(dynamodbUrl!);
});

const itemOf = async (key: string) => {
  const command = new sdk!.GetItemCommand({ TableName: table, Key: { key: { S: key } } });
  return (await admin.send(command)).Item;
};

const pace = 200;
const gaps = { push: "DynamoDB has none", expiry: "DynamoDB can't be asked for its time" };

/** The operations that a client sends, and the names of what they fail with. */
const counted = (client: DynamoDBClient) => {
  const sent: string[] = [];
  client.middlewareStack.add((next, { commandName }) => (args) => {
    sent.push(String(commandName).replace("Command", ""));
    return next(args);
  }, { step: "finalizeRequest", priority: "low" });
  return { client, take: () => sent.splice(0) };
};
const cacheOf = (client: DynamodbClient, errors: CacheLockingError[] = []) =>
  Cache.make({
    adapter: dynamodbAdapter({ client, table }),
    hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
  });
const leadsAtOnce = async (key: string) => {
  const { _tag } = await run(dynamodbAdapter({ client: connect(), table }).acquire(key, "x", 1));
  assert.equal(_tag, "Leader");
};

describe("dynamodb: the suite", () => {
  // One client for all: a process has one, and what is known of the server's time stays with the store.
  const openWith = (options: Omit<DynamodbAdapterOptions, "client">) =>
    Effect.sync(() => dynamodbAdapter({ client: connect(), ...options }));
  const suite = (cases: ReturnType<typeof conformance>) => {
    sideBySide(cases, { skip, atOnce: 4 });
  };
  const ofClocks = ["processes with clocks an hour"];
  const asAbove = "it is shown above";

  const cases = conformance({
    open: openWith({ table }),
    gaps,
    pace,
    damage: damageOf(() => ({ sdk: sdk!, client: admin }), table),
    // What is over is left to DynamoDB, which is told by `ttl`.
    leftovers: (key) =>
      Effect.promise(async () => {
        const item = await itemOf(key);
        const ends = [item?.expiresAt, item?.leaseUntil].map((end) => Number(end?.N ?? 0));
        const over = item?.ttl !== undefined && ends.every((end) => end <= Date.now());
        return item === undefined || over ? [] : [item];
      }),
  });
  const clocks = casesNamed(cases, ofClocks);
  suite(cases.filter((each) => !clocks.includes(each)));

  describe("by stores that have heard the server for a second", () => {
    const stores: Store<unknown>[] = [];
    before(async () => {
      if (skip !== false) return;
      for (let store = 0; store < 2; store++) {
        stores.push(dynamodbAdapter({ client: connect(), table }));
      }
      const began = performance.now();
      while (performance.now() - began < 1100) {
        await Promise.all(stores.map((store) => run(store.get("nothing"))));
        await sleep(10);
      }
    });
    let opened = 0;
    const open = Effect.sync(() => stores[opened++ % 2]!);
    suite(
      casesNamed(conformance({ open, gaps, pace, granularity: 100, damage: asAbove }), ofClocks),
    );
  });

  describe("with every option", () => {
    const attributes = {
      ...{ key: "pk", value: "v", expiresAt: "x", freshUntil: "f", staleFor: "s", took: "d" },
      ...{ ttl: "t", owner: "o", version: "n", leaseTtl: "#l", leaseUntil: "u", ended: "e" },
      ...{ failures: "a", quietUntil: "q" },
    };
    const renamed = {
      table: `${table}.renamed`,
      attributes,
      keyPrefix: "'\0\"/:",
      codec: reversed,
    };
    before(async () => {
      if (skip === false) await createTable(sdk!, admin, { table: renamed.table, key: "pk" });
    });
    const open = openWith(renamed);
    suite(
      casesNamed(
        conformance({ open, gaps, pace, values: [[null, "é"]], damage: asAbove }),
        ofOptions,
      ),
    );
    it("keeps an item of these names alone", { skip }, async () => {
      const store = dynamodbAdapter({ client: connect(), ...renamed });
      const name = newKey();
      await run(store.acquire(name, "a", 60_000));
      await run(store.release(name, "a", "failed"));
      await run(store.acquire(name, "b", 60_000));
      const { Item } = await admin.send(
        new sdk!.GetItemCommand({
          TableName: renamed.table,
          Key: { pk: { S: renamed.keyPrefix + name } },
        }),
      );
      assert.deepEqual(Object.keys(Item!).sort(), ["#l", "e", "n", "o", "pk", "t", "u"]);
    });
  });
});

describe("dynamodb", { skip }, () => {
  it("has the client of the SDK fit its type", () => {
    const fits = (client: DynamoDBClient): DynamodbClient => client;
    assert.equal(fits(admin), admin);
  });

  it("needs one request for a hit and three for a miss, from the first call on", async () => {
    const key = newKey();
    const [one, two] = [counted(connect()), counted(connect())];
    const [first, second] = [cacheOf(one.client), cacheOf(two.client)];
    await run(first.getOrSet(key, () => Effect.succeed("value")));
    assert.deepEqual(one.take(), ["GetItem", "UpdateItem", "PutItem"]);
    const { meta } = await run(second.getOrSet(key, () => Effect.succeed("other")));
    assert.equal(meta.cache, "HIT");
    assert.deepEqual(two.take(), ["GetItem"]);
    await run(first.getOrSet(newKey(), () => Effect.fail("no")).pipe(Effect.flip));
    assert.deepEqual(one.take(), ["GetItem", "UpdateItem", "UpdateItem"]);
    await run(first.set(key, "set"));
    await run(first.delete(key));
    assert.deepEqual(one.take(), ["PutItem", "DeleteItem"]);
  });

  it("loses to an entry or a lease, and takes over, by one request that is also the look", async () => {
    const key = newKey();
    const { client, take } = counted(connect());
    const [one, two] = [admin, client].map((client) => dynamodbAdapter({ client, table }));
    await run(two!.get(key));
    await run(one!.acquire(key, "a", 50));
    take();
    assert.equal((await run(two!.acquire(key, "b", 1000)))._tag, "Follower");
    assert.deepEqual(take(), ["UpdateItem"]);
    await sleep(60);
    assert.equal((await run(two!.acquire(key, "b", 1000)))._tag, "Leader");
    assert.deepEqual(take(), ["UpdateItem"]);
    await run(two!.fill(key, "b", "value"));
    assert.equal((await run(one!.acquire(key, "a", 1000)))._tag, "Hit");
  });

  it("tells DynamoDB what it may delete, and when", async () => {
    const store = dynamodbAdapter({ client: admin, table });
    const key = newKey();
    await run(store.set(key, "for good"));
    assert.deepEqual(Object.keys((await itemOf(key))!).sort(), ["key", "value", "version"]);
    const soon = Date.now() / 1000;
    await run(store.set(key, "value", { freshFor: 10_000 }));
    const entry = await itemOf(key);
    assert.equal(entry!.value!.S, '"value"');
    assert.equal(Number(entry!.ttl!.N), Math.ceil(Number(entry!.expiresAt!.N) / 1000));
    assert.ok(Math.abs(Number(entry!.ttl!.N) - soon - 10) < 5);
    await run(store.delete(key));
    await run(store.acquire(key, "a", 10_000));
    // Much later than the lease ends: no clock can have it deleted while it lives.
    assert.ok(Math.abs(Number((await itemOf(key))!.ttl!.N) - soon - 86_410) < 5);
    await run(store.release(key, "a", "cancelled"));
    assert.ok((await itemOf(key))!.ttl!.N !== undefined);
  });

  it("makes a store of its own each time, as callers meet by it", () => {
    const options = { client: connect(), table };
    assert.notEqual(dynamodbAdapter(options), dynamodbAdapter(options));
  });

  it("has the callers of configs that are written out in each call meet", async () => {
    const { client, take } = counted(connect());
    const key = newKey();
    await assertMeet(
      () => ({ type: "dynamodb", options: { client, table, keyPrefix: "herd:" } }),
      key,
    );
    assert.deepEqual(take(), ["GetItem", "UpdateItem", "PutItem"]);
    assert.equal((await itemOf(`herd:${key}`))!.value!.S, "1");
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const key = newKey();
    // What else lies under the key is none of their business.
    await run(dynamodbAdapter({ client: admin, table }).set(key, "entry"));
    const leases = [connect(), connect()].map((client) => dynamodbLeases({ client, table }));
    await assertLeaseAlone(leases, key);
    assert.equal((await itemOf(`lease:${key}`))!.owner, undefined);
  });

  it("has one lead where something lies that it has not written", async () => {
    const store = dynamodbAdapter({ client: admin, table });
    for (
      const rest of [
        {},
        { value: { N: "1" } },
        { value: { S: "{" } },
        { expiresAt: { N: "0" }, value: { S: "1" } },
        { other: { S: "" } },
        { owner: { N: "1" }, version: { N: "1" }, value: { M: {} } },
      ]
    ) {
      const key = newKey();
      const Item = { key: { S: key }, ...rest };
      await admin.send(new sdk!.PutItemCommand({ TableName: table, Item }));
      const owners = Array.from({ length: 20 }, (_, index) => `owner ${index}`);
      const answers = await Promise.all(
        owners.map((owner) => run(store.acquire(key, owner, 60_000))),
      );
      const [leader, second] = owners.filter((_, index) => answers[index]!._tag === "Leader");
      assert.equal(second, undefined);
      assert.equal(await run(store.fill(key, leader!, "value")), true);
      assert.equal((await run(store.get(key)))?.value, "value");
    }
  });
});

describe("bad input of dynamodb", { skip }, () => {
  it("refuses options that it can't use, with their names", async () => {
    const client = admin;
    const bad: [unknown, RegExp][] = [
      [{}, /`client` must be a DynamoDBClient, and is undefined/],
      [{ client: {}, table }, /`client` must be a DynamoDBClient, and is an object/],
      [{ client }, /`table` must be a table's name, and is undefined/],
      [{ client, table: "" }, /`table` must be a table's name, and is ""/],
      [{ client, table, keyPrefix: 1 }, /`keyPrefix` must be a string, and is 1/],
      [{ client, table, keyPrefix: "\ud800" }, /`keyPrefix` must be a string/],
      [{ client, table, attributes: { ttl: "" } }, /`attributes.ttl` must be a name, and is ""/],
      [
        { client, table, attributes: { ttl: "key" } },
        /`attributes` must differ, and two are "key"/,
      ],
    ];
    await assertRefused("dynamodb", [dynamodbAdapter], bad);
  });

  it("says what there is to do about a table that isn't there, or isn't as it must be", async () => {
    await createTable(sdk!, admin, { table: "dynamodb.test-id", key: "id" });
    const bad: [string, RegExp][] = [
      [
        "dynamodb.test-none",
        /no table "dynamodb.test-none" where the client looks; create it with/,
      ],
      ["dynamodb.test-id", /must have a partition key "key" of type String and no sort key/],
      ["a", /Cannot .*: .*(between 3 and 255|greater than or equal to 3)/],
      ["../etc/passwd", /Cannot .*: ./],
      ["a b'; DROP TABLE x", /Cannot .*: ./],
      ["__proto__\0", /Cannot .*: ./],
      ["é".repeat(2000), /Cannot .*: ./],
      ["arn:aws:dynamodb:x", /Cannot .*: ./],
    ];
    for (const [table, message] of bad) {
      const store = dynamodbAdapter({ client: admin, table });
      for (
        const operation of operationsOn(store, "key")
      ) {
        const error = await run(Effect.flip(operation));
        assert.ok(isAdapterError(error), `${table}: ${error}`);
        assert.match(error.message, message);
      }
    }
  });

  it("takes keys of 2048 bytes with the prefix, and refuses longer ones", async () => {
    const store = dynamodbAdapter({ client: admin, table, keyPrefix: "é" });
    for (const longest of ["y".repeat(2046), "é".repeat(1023), "日".repeat(682)]) {
      await run(store.set(longest, "value"));
      assert.equal((await run(store.get(longest)))?.value, "value");
      const { message } = await run(Effect.flip(store.get(`${longest}y`)));
      assert.match(
        message,
        /must have at most 2048 bytes with its prefix, and has 2049; use its hash/,
      );
    }
  });

  it("stores no value that is too large, and leaves no lease", async () => {
    const key = newKey();
    await assertUnstored(dynamodbAdapter({ client: connect(), table }), key, {
      value: "x".repeat(400 * 1024),
      message: /: DynamoDB takes items of 400 KB; use a codec that/,
    });
    // The lease is let go of behind the caller's back.
    for (let look = 0; look < 200 && (await itemOf(key))?.owner; look++) await sleep(10);
    await leadsAtOnce(key);
  });

  it("fails with the SDK's errors, typed, and leaves no lease", async () => {
    for (
      const error of [
        "ExpiredTokenException",
        "UnrecognizedClientException",
        "AccessDeniedException",
        "ProvisionedThroughputExceededException",
        "TransactionConflictException",
      ]
    ) {
      for (const operation of ["GetItem", "UpdateItem"]) {
        const key = newKey();
        proxy.trouble = { fails: (asked) => asked === operation ? error : undefined };
        const client = connect(proxy.url, { maxAttempts: 2 });
        const failed = await run(
          Effect.flip(cacheOf(client).getOrSet(key, () => Effect.succeed(1))),
        );
        const tag = operation === "GetItem" ? "CACHE_GET_FAILED" : "LEASE_ACQUIRE_FAILED";
        assert.equal(failed._tag, tag);
        assert.equal((failed.cause as Error & { cause: Error }).cause.name, error);
        proxy.trouble = {};
        await leadsAtOnce(key);
      }
    }
  });
});

describe("replies of dynamodb", { skip }, () => {
  /** Fails the first of each of these operations. */
  const once = (failure: string, ...operations: string[]) => {
    const left = new Set(operations);
    return { fails: (operation: string) => left.delete(operation) ? failure : undefined };
  };
  after(() => void (proxy.trouble = {}));

  it("that are lost are found again", async () => {
    const key = newKey();
    const store = dynamodbAdapter({ client: connect(proxy.url), table });
    proxy.trouble = once(LOST, "GetItem", "UpdateItem", "PutItem");
    assert.equal((await run(store.acquire(key, "a", 60_000)))._tag, "Leader");
    assert.equal(await run(store.fill(key, "a", "value")), true);
    assert.equal((await run(store.get(key)))?.value, "value");
    proxy.trouble = once(LOST, "DeleteItem", "UpdateItem");
    await run(store.delete(key));
    assert.equal((await run(store.acquire(key, "b", 60_000)))._tag, "Leader");
    proxy.trouble = once(LOST, "UpdateItem");
    assert.equal(await run(store.renew(key, "b", 60_000)), true);
    proxy.trouble = once(LOST, "UpdateItem");
    await run(store.release(key, "b", "uncached"));
    proxy.trouble = {};
    assert.equal((await run(store.acquire(key, "c", 1000, { waitedFor: "b" })))._tag, "Ended");
  });

  it("that come too late to an acquire leave no lease", async () => {
    const key = newKey();
    let arrive!: () => void;
    const late = new Promise<void>((resolve) => arrive = resolve);
    let acquires = 0;
    proxy.trouble = {
      waits: (operation) => operation === "UpdateItem" && acquires++ === 0 ? late : undefined,
    };
    const failed = await run(Effect.flip(Cache.getOrSet({
      adapter: dynamodbAdapter({ client: connect(proxy.url), table }),
      key,
      operationTimeout: 500,
      fetcher: () => Effect.succeed("value"),
    })));
    assert.equal(failed._tag, "LEASE_ACQUIRE_FAILED");
    await sleep(100);
    arrive();
    let item: Awaited<ReturnType<typeof itemOf>>;
    do {
      await sleep(20);
      item = await itemOf(key);
    } while (item === undefined || item.owner !== undefined);
  });

  it("that say to come later are heeded", async () => {
    const key = newKey();
    const throttled = "ProvisionedThroughputExceededException";
    proxy.trouble = once(throttled, "GetItem", "UpdateItem", "PutItem");
    const { meta } = await run(
      cacheOf(connect(proxy.url)).getOrSet(key, () => Effect.succeed("value")),
    );
    // Where the SDK pauses for long before the fill, the value is given out before it is stored.
    assert.match(meta.cache, /^MISS-LEADER/);
    await until(async () => (await itemOf(key))?.value?.S === '"value"');
  });

  it("that are lost, and that nobody waits for any more, are not asked for again", async () => {
    const store = dynamodbAdapter({ client: connect(proxy.url), table });
    proxy.operations.length = 0;
    const interrupted = new Promise((resolve) => {
      proxy.trouble = {
        fails() {
          resolve(run(Fiber.interrupt(reading)));
          return LOST;
        },
      };
    });
    const reading = Effect.runFork(store.get(newKey()));
    await interrupted;
    await sleep(300);
    assert.equal(proxy.operations.length, 1);
  });
});

describe("the server's time of dynamodb", { skip }, () => {
  const HOUR = 60 * 60 * 1000;
  after(() => void (proxy.trouble = {}));

  for (const ahead of [HOUR, -HOUR]) {
    it(`is what its replies say, if it is ${ahead > 0 ? "ahead of" : "behind"} this machine's`, async () => {
      proxy.trouble = { ahead };
      const store = dynamodbAdapter({ client: connect(proxy.url), table });
      const [key, other] = [newKey(), newKey()];
      // The first request of a process, too.
      await run(store.set(key, "value", { freshFor: 10_000 }));
      const { expiresAt } = (await itemOf(key))!;
      assert.ok(Math.abs(Number(expiresAt!.N) - Date.now() - ahead - 10_000) < 2000);
      assert.equal((await run(store.get(key)))?.value, "value");
      assert.equal((await run(store.acquire(key, "a", 1000)))._tag, "Hit");

      const put = new sdk!.PutItemCommand({
        TableName: table,
        Item: {
          key: { S: other },
          value: { S: "1" },
          expiresAt: { N: String(Date.now() + ahead - 2000) },
        },
      });
      await admin.send(put);
      assert.equal(await run(store.get(other)), undefined);
      assert.equal((await run(store.acquire(other, "a", 1000)))._tag, "Leader");
    });
  }

  it("is this machine's where replies don't say it", async () => {
    proxy.trouble = { ahead: undefined };
    const { client, take } = counted(connect(proxy.url));
    const store = dynamodbAdapter({ client, table });
    const key = newKey();
    await run(store.set(key, "value", { freshFor: 10_000 }));
    assert.deepEqual(take(), ["GetItem", "PutItem"]);
    await run(store.set(key, "value", { freshFor: 10_000 }));
    assert.deepEqual(take(), ["PutItem"]);
    assert.equal((await run(store.get(key)))?.value, "value");
  });
});
