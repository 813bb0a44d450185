import { FAILURES_REMEMBERED, LONGEST_LEASE } from "../../src/model/defaults.ts";
import { randomToken } from "../../src/model/token.ts";
import type { Backend, LeaseEnd, Row, Target, Wanted } from "../kit/backend.ts";
import { takeInSteps } from "../kit/take_in_steps.ts";
import { withGracePeriod } from "../kit/grace_period.ts";
import { type LeaseObserver, makeLeaseObserver } from "../kit/lease_observer.ts";
import { Refusal } from "../kit/refusal.ts";
import { Contention, retry } from "../kit/retry.ts";
import { makeServerClock, type ServerClock } from "../kit/server_clock.ts";
import {
  endedIn,
  endOf,
  entryItem,
  type Expression,
  inputOf,
  leaseEnd,
  leaseFor,
  type Names,
  whole,
} from "./items.ts";
import { type DynamodbTable, type Item, type Request, requestsOf } from "./sdk.ts";

/** An item, read. */
interface Found extends Row {
  readonly item?: Item;
}

/** What the functions of one store have in common. */
interface Items {
  readonly names: Names;
  readonly clock: ServerClock;
  readonly observer: LeaseObserver;
  readonly request: Request;
}

/** For how long a lease is still released when nobody waits for that any more, in milliseconds. */
const LONGEST_RELEASE = 10_000;

/** DynamoDB, by its commands: one item for each name. */
export function dynamodbBackend(table: DynamodbTable, names: Names): Backend<Found> {
  const clock = makeServerClock();
  const request = requestsOf(table, names.key, clock);
  const items: Items = { names, clock, observer: makeLeaseObserver(), request };
  const update = (target: Target, owner: string, update: Expression, values: () => Item) =>
    request(
      target,
      "UpdateItemCommand",
      () => inputOf(names, { ...values(), owner: { S: owner } }, "held", update),
    );

  return {
    async read(target) {
      const { item } = await request(target, "GetItemCommand", () => ({ ConsistentRead: true }));
      return item && entryIn(items, item);
    },
    take: (target, wanted) => take(items, target, wanted),
    renew: async (target, { owner, ttl }) =>
      (await update(target, owner, "renew", () => leaseFor(ttl, clock.now()))).done,
    async fill(target, { owner, ...filled }) {
      const version = randomToken();
      const { done, item } = await request(target, "PutItemCommand", (Key) => ({
        Item: { ...Key, ...entryItem(names, filled, version, clock.now()) },
        ...inputOf(names, { owner: { S: owner } }, "held"),
      }));
      // The SDK sends again what it got no reply to: then the lease was ended by this very fill.
      return done || item?.[names.version]?.S === version;
    },
    release: (target, end) =>
      withGracePeriod(LONGEST_RELEASE, target, (target) => release(items, target, end)),
    write: (target, written) =>
      request(target, "PutItemCommand", (Key) => ({
        Item: { ...Key, ...entryItem(names, written, randomToken(), clock.now()) },
      })),
    expire: (target) => expire(items, target),
    remove: (target) => request(target, "DeleteItemCommand", () => ({})),
  };
}

/** Takes a free item, or else the version of it that is there, if nothing in it is in the way. */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { request, names, clock, observer } = items;
  const { owner, ttl, waitedFor, freshBelow, backOff, ignored } = wanted;
  const inputFor = (condition: Expression, seen?: Item[string]) => {
    const now = clock.now();
    const values = {
      ...leaseFor(ttl, now),
      owner: { S: owner },
      over: { S: observer.expired(target.key, performance.now()) ?? "-" },
      now: { N: whole(now) },
      // No later than what is told of the entry afterwards.
      limit: { N: String(Math.floor(Math.min(now + freshBelow, Number.MAX_SAFE_INTEGER))) },
      uncached: { S: endOf(waitedFor ?? randomToken(), "uncached") },
      text: { S: "S" },
      ...seen && { seen },
    };
    const update = ignored === undefined ? "take" : "takeAlone";
    return { ...inputOf(names, values, condition, update), ReturnValues: "ALL_OLD" };
  };
  /** Writes the lease if the condition holds. Cancelling that doesn't undo it. */
  const put = async (condition: Expression, seen?: Item[string]) => {
    const input = () => inputFor(condition, seen);
    const { done, item } = await withGracePeriod(
      ttl,
      target,
      (target) => request(target, "UpdateItemCommand", input),
    );
    if (done) {
      const before = item?.[names.owner];
      const replaced = before !== undefined && before.S === undefined;
      const entry = item && ignored === undefined ? entryIn(items, item) : {};
      return { ...entry, ...endIn(items, item), owner, remaining: ttl, replaced };
    }
    return item && foundIn(items, target, item, owner);
  };
  const free = freshBelow === Infinity
    ? backOff ? "freeLeaseBackingOff" : "freeLease"
    : backOff
    ? "freeBackingOff"
    : "free";
  return takeInSteps<Found>(target, wanted, {
    async look() {
      const found = await put(free);
      if (found !== undefined) return found;
      throw new Refusal("the server doesn't return the item for which a condition fails");
    },
    put({ item }) {
      const version = item![names.version];
      return put(version?.S === undefined ? "noVersion" : "unchanged", version);
    },
  });
}

/** Ends the owner's lease; an entry that stays is kept for as long as it was to be. */
async function release(
  { request, names, clock }: Items,
  target: Target,
  { owner, outcome, failure }: LeaseEnd,
): Promise<void> {
  const end = outcome === "cancelled"
    ? "end"
    : outcome === "uncached"
    ? "endWell"
    : failure
    ? "endFailed"
    : "endSo";
  const { done, item } = await request(target, "UpdateItemCommand", () => {
    const now = clock.now();
    const quietUntil = now + (failure?.quietFor ?? 0);
    const values = {
      ...leaseEnd(quietUntil + FAILURES_REMEMBERED),
      owner: { S: owner },
      version: { S: randomToken() },
      ended: { S: endOf(owner, outcome) },
      failures: { N: whole(failure?.failures ?? 0) },
      quietUntil: { N: whole(quietUntil) },
    };
    const input = inputOf(names, values, "held", end);
    return { ...input, ReturnValues: "ALL_NEW" };
  });
  const seen = item?.[names.version];
  if (!done || seen === undefined || item?.[names.value] === undefined) return;
  const { [names.expiresAt]: end_, [names.ttl]: kept } = item;
  const ttl = end_ && { N: whole(Number(end_.N) / 1000) };
  if (ttl !== undefined && !(Number(ttl.N) > Number(kept?.N))) return;
  await request(
    target,
    "UpdateItemCommand",
    () => inputOf(names, { seen, ...ttl && { ttl } }, "unchanged", ttl ? "keepFor" : "keep"),
  );
}

/** Ends the time in which the entry is fresh, and the lease: removes what has no stale time. */
function expire({ request, names, clock }: Items, target: Target): Promise<void> {
  return retry(target, async () => {
    const { item } = await request(target, "GetItemCommand", () => ({ ConsistentRead: true }));
    if (item === undefined) return;
    const seen = item[names.version];
    const now = clock.now();
    const staleFor = Number(item[names.staleFor]?.N);
    const isKept = item[names.value] !== undefined && staleFor > 0;
    const isStale = Number(item[names.freshUntil]?.N) <= now;
    const expiresAt = now + staleFor;
    const values = {
      ...seen && { seen },
      text: { S: "S" },
      version: { S: randomToken() },
      expiresAt: { N: whole(expiresAt) },
      freshUntil: { N: String(Math.floor(now)) },
      ttl: { N: whole(expiresAt / 1000) },
    };
    const condition = seen?.S === undefined ? "noVersion" : "unchanged";
    const { done } = await request(
      target,
      isKept ? "UpdateItemCommand" : "DeleteItemCommand",
      () => inputOf(names, values, condition, isKept ? isStale ? "endLease" : "expire" : undefined),
    );
    if (!done) throw new Contention();
  });
}

/** What an item says to an owner. How long another's lease lives is what its observer says. */
function foundIn(items: Items, { key }: Target, item: Item, owner: string): Found {
  const { names, observer } = items;
  const found = { item, ...entryIn(items, item), ...endIn(items, item) };
  const holder = item[names.owner]?.S;
  if (holder === undefined) return found;
  const ttl = Number(item[names.leaseTtl]?.N);
  const version = item[names.version]?.S ?? holder;
  const remaining = holder === owner
    ? ttl
    : observer.remaining(key, { version, ttl }, performance.now());
  return remaining > 0 && ttl <= LONGEST_LEASE ? { ...found, owner: holder, remaining } : found;
}

/** What is remembered of the item's last lease. */
function endIn(
  { names, clock }: Items,
  item: Item = {},
): Pick<Row, "lastOwner" | "outcome" | "failures" | "quietFor"> {
  const now = clock.now();
  if (!(Number(item[names.leaseUntil]?.N) > now)) return {};
  return {
    ...endedIn(item[names.ended]?.S),
    failures: Number(item[names.failures]?.N ?? 0) || 0,
    quietFor: Number(item[names.quietUntil]?.N ?? 0) - now || 0,
  };
}

/** The entry of an item, if its time isn't over. */
function entryIn({ names, clock }: Items, item: Item): Row {
  const { [names.value]: value, [names.expiresAt]: end, [names.freshUntil]: fresh } = item;
  const now = clock.now();
  // An end that is no number is over.
  if (value === undefined || end !== undefined && !(Number(end.N) > now)) return {};
  const until = fresh ?? end;
  return {
    data: value.S ?? value.B ?? value,
    freshFor: until && Number(until.N) - now,
    took: Number(item[names.took]?.N ?? 0) || undefined,
  };
}
