import { randomToken } from "../../src/model/token.ts";
import type { Backend, Row, Target, Wanted } from "../kit/backend.ts";
import { decide } from "../kit/decide.ts";
import { withGracePeriod } from "../kit/grace_period.ts";
import { type LeaseObserver, makeLeaseObserver } from "../kit/lease_observer.ts";
import { Refusal } from "../kit/refusal.ts";
import { Contention, retry } from "../kit/retry.ts";
import { makeServerClock, type ServerClock } from "../kit/server_clock.ts";
import { learnByDate, type SmithyCommand } from "../kit/smithy.ts";
import type { Names } from "./attributes.ts";
import {
  END,
  END_SO,
  endedIn,
  endOf,
  entryItem,
  expression,
  FREE,
  HELD,
  leaseFor,
  NO_VERSION,
  RENEW,
  TAKE,
  UNCHANGED,
  whole,
} from "./items.ts";
import { type DynamodbClient, type Item, type Reply, replyOf, type Sdk, sdk } from "./sdk.ts";

/** Where the items are. */
export interface DynamodbTable {
  readonly client: DynamodbClient;
  /** The table's name or ARN. */
  readonly table: string;
  readonly names: Names;
}

/** An item, read. */
interface Found extends Row {
  readonly item: Item;
}

/** What the functions of one store have in common. */
interface Items extends DynamodbTable {
  readonly clock: ServerClock;
  readonly observer: LeaseObserver;
  /** Sends a command about an item that it is given by table and key. */
  request(
    target: Target,
    make: (commands: Sdk, at: At) => SmithyCommand,
    unknownClock?: "fine",
  ): Promise<Reply>;
}

interface At {
  readonly TableName: string;
  readonly Key: Item;
}

/** For how long a lease is still released when nobody waits for that any more, in milliseconds. */
const LONGEST_RELEASE = 10_000;

/** DynamoDB, by its commands: one item for each name. */
export function dynamodbBackend(table: DynamodbTable): Backend<Found> {
  const { names } = table;
  const clock = makeServerClock();
  const items: Items = {
    ...table,
    clock,
    observer: makeLeaseObserver(),
    request: requestsOf(table, clock),
  };
  const { request } = items;
  const heldBy = (owner: string, UpdateExpression: string, values: Item) =>
    expression(names, { ConditionExpression: HELD, UpdateExpression }, {
      ...values,
      owner: { S: owner },
    });

  return {
    async read(target) {
      const get = (commands: Sdk, at: At) =>
        new commands.GetItemCommand({ ...at, ConsistentRead: true });
      const { item } = await request(target, get, "fine");
      return item && { data: dataIn(items, item) };
    },
    take: (target, wanted) => take(items, target, wanted),
    renew: async (target, { owner, ttl }) => {
      const { done } = await request(target, (commands, at) =>
        new commands.UpdateItemCommand({
          ...at,
          ...heldBy(owner, RENEW, leaseFor(ttl, clock.now())),
        }));
      return done;
    },
    fill: async (target, { owner, ...filled }) => {
      const version = randomToken();
      const { done, item } = await request(
        target,
        (commands, { TableName, Key }) =>
          new commands.PutItemCommand({
            TableName,
            Item: { ...Key, ...entryItem(names, filled, { version, now: clock.now() }) },
            ...expression(names, { ConditionExpression: HELD }, { owner: { S: owner } }),
          }),
      );
      // The SDK sends again what it got no reply to: then the lease was ended by this very fill.
      return done || item?.[names.version]?.S === version;
    },
    release: (target, { owner, outcome }) =>
      withGracePeriod(
        LONGEST_RELEASE,
        target.signal(),
        (signal) =>
          request({ ...target, signal: () => signal }, (commands, at) =>
            new commands.UpdateItemCommand({
              ...at,
              ...heldBy(owner, outcome === "cancelled" ? END : END_SO, {
                version: { S: randomToken() },
                ended: { S: endOf(owner, outcome) },
              }),
            })),
      ),
    write: (target, written) =>
      request(target, (commands, { TableName, Key }) => {
        const entry = entryItem(names, written, { version: randomToken(), now: clock.now() });
        return new commands.PutItemCommand({ TableName, Item: { ...Key, ...entry } });
      }),
    remove: (target) => request(target, (commands, at) => new commands.DeleteItemCommand(at)),
  };
}

/** Sends commands, by whose answers the clock learns: it has to know before something is written that depends on it. */
function requestsOf({ client, table, names }: DynamodbTable, clock: ServerClock): Items["request"] {
  let isAnswered = false;
  return async (target, make, unknownClock) => {
    const commands = await sdk();
    const abortSignal = target.signal();
    const send = async (command: SmithyCommand) => {
      learnByDate(command, clock, () => isAnswered = true);
      return await client.send(command as never, { abortSignal });
    };
    const at: At = { TableName: table, Key: { [names.key]: { S: target.name } } };
    if (!isAnswered && unknownClock === undefined) await send(new commands.GetItemCommand(at));
    return await replyOf(send(make(commands, at)));
  };
}

/**
 * Takes a free item, or looks, and takes over the version that it finds if that is no entry, no lease and no end that was
 * waited for.
 */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  let { ignored } = wanted;
  const takeOver = async (found?: Found): Promise<Found> => {
    const { done, item } = await put(items, target, wanted, found?.item);
    if (done) return takenFrom(items, wanted, item);
    if (item === undefined) {
      if (found !== undefined) throw new Contention();
      throw new Refusal("the server doesn't return the item for which a condition fails");
    }
    const inTheWay = foundIn(items, target, item, wanted.owner);
    if (inTheWay.data !== undefined || decide(inTheWay, wanted) !== undefined) return inTheWay;
    if (found !== undefined) throw new Contention();
    return await takeOver(inTheWay);
  };
  return retry(target, () => {
    const first = ignored;
    ignored = undefined;
    return takeOver(first);
  });
}

/** Writes the lease where the item is free, or, with an item that was found, where that one is unchanged. */
function put(
  { request, names, clock, observer }: Items,
  target: Target,
  { owner, ttl, waitedFor }: Wanted<Found>,
  found: Item | undefined,
): Promise<Reply> {
  const version = found?.[names.version];
  const unchanged = version === undefined ? NO_VERSION : UNCHANGED;
  const condition = found === undefined ? FREE : unchanged;
  // To call it off is not to undo it.
  return withGracePeriod(
    ttl,
    target.signal(),
    (signal) =>
      request({ ...target, signal: () => signal }, (commands, at) => {
        const now = clock.now();
        return new commands.UpdateItemCommand({
          ...at,
          ...expression(names, { ConditionExpression: condition, UpdateExpression: TAKE }, {
            ...leaseFor(ttl, now),
            owner: { S: owner },
            over: { S: observer.expired(target.key, performance.now()) ?? "-" },
            now: { N: whole(now) },
            uncached: { S: endOf(waitedFor, "uncached") },
            ...version !== undefined && { seen: version },
          }),
          ReturnValues: "ALL_OLD",
        });
      }),
  );
}

/** The lease that was taken, in place of an item, if there was one. */
function takenFrom(items: Items, { owner, ttl }: Wanted<Found>, item: Item = {}): Found {
  const ended = isOver(items, item) ? undefined : endedIn(item[items.names.ended]?.S);
  return { item, lease: { owner, remaining: ttl }, ended };
}

/** What an item says to an owner. How long another's lease lives is what its observer says. */
function foundIn(items: Items, { key }: Target, item: Item, owner: string): Found {
  const { names, observer } = items;
  const data = dataIn(items, item);
  const holder = item[names.owner]?.S;
  const ended = endedIn(item[names.ended]?.S);
  if (holder === undefined) return { item, data, ended: isOver(items, item) ? undefined : ended };
  const ttl = Number(item[names.leaseTtl]?.N);
  const version = item[names.version]?.S ?? holder;
  const remaining = holder === owner
    ? ttl
    : observer.remaining(key, { version, ttl }, performance.now());
  const lease = remaining > 0 ? { owner: holder, remaining } : undefined;
  return { item, data, lease, ended };
}

/** The value of an item whose time isn't over. */
function dataIn(items: Items, item: Item): unknown {
  const value = item[items.names.value];
  return value === undefined || isOver(items, item) ? undefined : value.S ?? value.B ?? value;
}

function isOver({ names, clock }: Items, item: Item): boolean {
  return Number(item[names.expiresAt]?.N ?? Infinity) <= clock.now();
}
