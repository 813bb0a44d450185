import assert from "node:assert/strict";
import { test } from "node:test";
import { makeLeaseObserver } from "../../../adapters/kit/lease_observer.ts";

test("a lease is over once one version was seen to stay for as long as it lives", () => {
  const { remaining, expired, forget } = makeLeaseObserver();
  const [first, second] = ["1", "2"].map((version) => ({ version, ttl: 100 }));
  assert.equal(expired("key", 900), undefined);
  assert.equal(remaining("key", first!, 1000), 100);
  assert.equal(remaining("key", first!, 1060), 40);
  assert.equal(remaining("other", first!, 1060), 100);
  assert.equal(remaining("key", second!, 1090), 100);
  assert.equal(expired("key", 1189), undefined);
  assert.equal(remaining("key", second!, 1190), 0);
  assert.equal(expired("key", 1190), "2");
  assert.equal(expired("other", 1159), undefined);
  assert.equal(expired("other", 1160), "1");
  assert.equal(remaining("key", second!, 1200), -10);
  forget("key");
  assert.equal(expired("key", 1200), undefined);
});

test("of two versions seen at once nobody knows which is newer", () => {
  const { remaining, isOutdated, forget } = makeLeaseObserver();
  assert.equal(isOutdated("key", "1", 1000), false);
  remaining("key", { version: "1", ttl: 100 }, 1000);
  assert.equal(isOutdated("key", "1", 990), false);
  assert.equal(isOutdated("key", "2", 990), true);
  assert.equal(isOutdated("key", "2", 1000), false);
  assert.equal(isOutdated("other", "2", 990), false);
  forget("key");
  assert.equal(isOutdated("key", "2", 990), false);
});

test("of very many keys, those seen first are forgotten", () => {
  const { remaining } = makeLeaseObserver();
  const seen = { version: "1", ttl: 100 };
  for (let key = 0; key < 10_001; key++) remaining(String(key), seen, 0);
  assert.equal(remaining("1", seen, 50), 50);
  assert.equal(remaining("10000", seen, 50), 50);
  assert.equal(remaining("0", seen, 50), 100);
});
