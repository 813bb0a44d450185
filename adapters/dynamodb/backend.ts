import { LONGEST_LEASE } from "../../src/model/defaults.ts";
import { randomToken } from "../../src/model/token.ts";
import type { Backend, Row, Target, Wanted } from "../kit/backend.ts";
import { takeInSteps } from "../kit/take_in_steps.ts";
import { withGracePeriod } from "../kit/grace_period.ts";
import { type LeaseObserver, makeLeaseObserver } from "../kit/lease_observer.ts";
import { Refusal } from "../kit/refusal.ts";
import { makeServerClock, type ServerClock } from "../kit/server_clock.ts";
import {
  endedIn,
  endOf,
  entryItem,
  type Expression,
  inputOf,
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
      return item && { data: dataIn(items, item) };
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
    release: (target, { owner, outcome }) =>
      withGracePeriod(
        LONGEST_RELEASE,
        target,
        (target) =>
          update(target, owner, outcome === "cancelled" ? "end" : "endSo", () => ({
            version: { S: randomToken() },
            ended: { S: endOf(owner, outcome) },
          })),
      ),
    write: (target, written) =>
      request(target, "PutItemCommand", (Key) => ({
        Item: { ...Key, ...entryItem(names, written, randomToken(), clock.now()) },
      })),
    remove: (target) => request(target, "DeleteItemCommand", () => ({})),
  };
}

/** Takes a free item, or else the version of it that is there, if that is no entry, no lease and no end that was waited for. */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { request, names, clock, observer } = items;
  const { owner, ttl, waitedFor } = wanted;
  const inputFor = (condition: Expression, seen?: Item[string]) => {
    const now = clock.now();
    const values = {
      ...leaseFor(ttl, now),
      owner: { S: owner },
      over: { S: observer.expired(target.key, performance.now()) ?? "-" },
      now: { N: whole(now) },
      uncached: { S: endOf(waitedFor ?? randomToken(), "uncached") },
      text: { S: "S" },
      ...seen && { seen },
    };
    return { ...inputOf(names, values, condition, "take"), ReturnValues: "ALL_OLD" };
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
      return { ...endIn(items, item), owner, remaining: ttl, replaced };
    }
    return item && foundIn(items, target, item, owner);
  };
  return takeInSteps<Found>(target, wanted, {
    async look() {
      const found = await put("free");
      if (found !== undefined) return found;
      throw new Refusal("the server doesn't return the item for which a condition fails");
    },
    put({ item }) {
      const version = item![names.version];
      return put(version?.S === undefined ? "noVersion" : "unchanged", version);
    },
  });
}

/** What an item says to an owner. How long another's lease lives is what its observer says. */
function foundIn(items: Items, { key }: Target, item: Item, owner: string): Found {
  const { names, observer } = items;
  const found = { item, data: dataIn(items, item), ...endIn(items, item) };
  const holder = item[names.owner]?.S;
  if (holder === undefined) return found;
  const ttl = Number(item[names.leaseTtl]?.N);
  const version = item[names.version]?.S ?? holder;
  const remaining = holder === owner
    ? ttl
    : observer.remaining(key, { version, ttl }, performance.now());
  return remaining > 0 && ttl <= LONGEST_LEASE ? { ...found, owner: holder, remaining } : found;
}

/** How a lease of the item ended, if that isn't over. */
function endIn(items: Items, item: Item = {}): Pick<Row, "lastOwner" | "outcome"> {
  return isOver(items, item) ? {} : endedIn(item[items.names.ended]?.S);
}

/** The value of an item whose time isn't over. */
function dataIn(items: Items, item: Item): unknown {
  const value = item[items.names.value];
  return value === undefined || isOver(items, item) ? undefined : value.S ?? value.B ?? value;
}

function isOver({ names, clock }: Items, item: Item): boolean {
  const { [names.expiresAt]: end } = item;
  // One that is no number is over.
  return end !== undefined && !(Number(end.N) > clock.now());
}
