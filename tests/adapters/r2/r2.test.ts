import type { S3Client } from "@aws-sdk/client-s3";
import type { R2Bucket as BoundBucket } from "@cloudflare/workers-types/index.ts";
import { Effect } from "effect";
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { r2Adapter, type R2Bucket, type R2Client, r2Leases } from "../../../adapters/r2.ts";
import { Cache, type CacheLockingError } from "../../../mod.ts";
import { randomToken } from "../../../src/model/token.ts";
import { r2Adapter as r2AdapterOfWorkers } from "../../../adapters/workers/r2.ts";
import { conformance } from "../../conformance/mod.ts";
import { damagedObjects } from "../../support/damaged_objects.ts";
import { memoryBucket } from "../../support/memory_bucket.ts";
import { bucket, clientOf, loadSdk, meddle, objectsOf, s3Url, skip } from "../s3/clients.ts";
import { closing } from "../../support/closing.ts";
import { sideBySide } from "../../support/side_by_side.ts";
import { until } from "../../support/until.ts";
import { assertLeaseAlone, assertMeet, assertRefused } from "../../support/adapter_cases.ts";

const sdk = skip === false ? await loadSdk() : undefined;
const run = Effect.runPromise;
const newKey = () => `r2.test:${randomToken()}`;

const closed = closing((client: S3Client) => client.destroy());
const connect = () => closed(clientOf(sdk!, s3Url!));
let objects: ReturnType<typeof objectsOf>;
before(() => void (skip || (objects = objectsOf(sdk!, connect()))));

describe("r2, by its S3 API: the suite", () => {
  const cases = conformance({
    open: Effect.sync(() => r2Adapter({ client: connect(), bucket, keyPrefix: "r2/" })),
    pace: 500,
    gaps: {
      push: "R2 has none",
      expiry: "R2 can't be asked for its time",
      clocks: "R2 tells the time in whole seconds, as is tested of S3",
    },
    damage: damagedObjects((key, body) => objects.put(`r2/${key}`, body)),
  });
  sideBySide(cases, { skip, atOnce: 4 });
});

describe("r2", () => {
  const tooMany = () => new Error("put: Reduce your concurrent request rate. (10058)");

  it("has a Worker's binding and the client of the SDK fit its types", () => {
    const fits = [
      (bucket: BoundBucket): R2Bucket => bucket,
      (client: S3Client): R2Client => client,
    ];
    assert.equal(fits.length, 2);
  });

  for (const [where, adapter] of Object.entries({ r2Adapter, r2AdapterOfWorkers })) {
    it(`needs one request for a hit and four for a miss of a binding, by ${where}`, async () => {
      const { bucket, asked } = memoryBucket();
      const cache = Cache.make({ adapter: adapter({ bucket }) });
      for (const outcome of ["MISS-LEADER", "HIT"]) {
        const { meta } = await run(cache.getOrSet("key", () => Effect.succeed("value")));
        assert.equal(meta.cache, outcome);
        assert.deepEqual(
          asked.splice(0),
          outcome === "HIT" ? ["get"] : ["get", "get", "put", "put"],
        );
      }
    });
  }

  it("waits where a binding takes no second write within a second, for as long as it is wanted", async () => {
    // A second one would take most of the time for which a value waits to be stored.
    let refusals = 1;
    const { bucket, asked } = memoryBucket((request) => {
      if (
        request === "put" && asked.filter((each) => each === "put").length > 1 && refusals-- > 0
      ) {
        throw tooMany();
      }
    });
    const errors: CacheLockingError[] = [];
    const cache = Cache.make({
      adapter: r2Adapter({ bucket }),
      operationTimeout: 800,
      hooks: { onError: (error) => Effect.sync(() => void errors.push(error)) },
    });
    const { meta } = await run(cache.getOrSet("key", () => Effect.succeed("value")));
    assert.equal(meta.cache, "MISS-LEADER");
    assert.equal(errors.length, 0);
    assert.deepEqual(asked.splice(0), ["get", "get", "put", "put", "put"]);

    refusals = Infinity;
    const late = await run(cache.getOrSet("other", () => Effect.succeed("value")));
    assert.equal(late.value, "value");
    assert.equal(late.meta.cache, "MISS-LEADER-NOCACHE");
    // The caller has the value before the fill is given up.
    await until(() => errors.length > 0);
    assert.match(errors[0]!.message, /r2 did not answer within 800 ms/);
    // Nor is the lease let go of for longer than that, and nobody writes for those who have gone.
    await run(Effect.sleep(1200));
    const tries = asked.length;
    await run(Effect.sleep(500));
    assert.equal(asked.length, tries);
  });

  it("waits where the S3 API takes no second write within a second", { skip }, async () => {
    const client = connect();
    let puts = 0;
    const sent = meddle(client, (request, next) => {
      if (request.command !== "PutObject" || puts++ !== 1) return next(request);
      throw Object.assign(new Error("Reduce your rate"), { name: "TooManyRequests" });
    });
    const cache = Cache.make({ adapter: r2Adapter({ client, bucket }) });
    const { meta } = await run(cache.getOrSet(newKey(), () => Effect.succeed("value")));
    assert.equal(meta.cache, "MISS-LEADER");
    assert.deepEqual(sent, ["GetObject", "GetObject", "PutObject", "PutObject", "PutObject"]);
  });

  it("fails with a binding's own errors, typed", async () => {
    const { bucket } = memoryBucket((request) => {
      throw new Error(`${request}: We encountered an internal error. (10001)`);
    });
    const store = r2Adapter({ bucket });
    for (const operation of [store.get("key"), store.acquire("key", "a", 1000)]) {
      const error = await run(Effect.flip(operation as Effect.Effect<unknown, Error>));
      assert.match(error.message, /^Cannot .* "key": get: We encountered an internal error/);
    }
    assert.match((await run(Effect.flip(store.set("key", 1)))).message, /"key": put: We encounter/);
  });

  it("takes a lease over that was left long before anybody looked, by the time of the binding", async () => {
    const { bucket, held } = memoryBucket();
    const one = r2Adapter({ bucket });
    await run(one.acquire("key", "dies", 1000));
    const [object] = held.values();
    object!.written = Date.now() - 4100;
    const { bucket: same } = memoryBucket(undefined, held);
    assert.equal((await run(r2Adapter({ bucket: same }).acquire("key", "a", 1000)))._tag, "Leader");
    assert.equal(await run(one.fill("key", "dies", "late")), false);
  });

  it("is a store of its own, whatever its options, and configs meet", async () => {
    const { bucket, asked } = memoryBucket();
    assert.notEqual(r2Adapter({ bucket }), r2Adapter({ bucket }));
    await assertMeet(() => ({ type: "r2", options: { bucket } }), "key");
    assert.deepEqual(asked, ["get", "get", "put", "put"]);
  });

  it("keeps leases alone, for entries that are elsewhere", async () => {
    const { bucket, held } = memoryBucket();
    await assertLeaseAlone([r2Leases({ bucket })], "key");
    assert.deepEqual([...held.keys()], ["lease:key"]);
  });

  it("refuses options that it can't use, with their names", async () => {
    const client = { send: () => Promise.resolve() };
    const bad: [unknown, RegExp][] = [
      [{}, /`bucket` must be a binding, or a name beside `client`, and is undefined/],
      [
        { bucket: "cache" },
        /`bucket` must be a binding, or a name beside `client`, and is "cache"/,
      ],
      [{ bucket: {} }, /`bucket` must be a binding, or a name beside `client`, and is an object/],
      [{ client: {}, bucket: "cache" }, /`client` must be an S3 client, and is an object/],
      [{ client, bucket: memoryBucket().bucket }, /`bucket` must be the name of a bucket, and is/],
      [{ client, bucket: "" }, /`bucket` must be the name of a bucket, and is ""/],
      [{ bucket: memoryBucket().bucket, keyPrefix: 1 }, /`keyPrefix` must be a string/],
    ];
    await assertRefused("r2", [r2Adapter], bad);
    assert.throws(() => r2AdapterOfWorkers({ client, bucket: "cache" }), {
      name: "TypeError",
      message: '`bucket` must be a binding, or a name beside `client`, and is "cache"',
    });
  });
});
