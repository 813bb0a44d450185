import type { Backend, EndedLease, Row, Target, Wanted } from "../kit/backend.ts";
import { bytesOf } from "../kit/data.ts";
import { decide } from "../kit/decide.ts";
import { Contention, retry } from "../kit/retry.ts";
import type {
  MemcachedAnswer,
  MemcachedBody,
  MemcachedRequests,
  MemcachedVersion,
} from "./client.ts";
import { type Marker, markerBody, markerIn, secondsOf } from "./marker.ts";
import { makeOwnMarkers, type OwnMarkers } from "./own_markers.ts";
import { ADD, DELETE, GET, REPLACE, SET } from "./protocol.ts";

/** An item, or that there is none. */
interface Found extends Row {
  readonly version?: MemcachedVersion;
}

/** What the functions of one store have in common. */
interface Items extends MemcachedRequests {
  readonly own: OwnMarkers;
}

/** memcached, by its requests: one item for each name, which is the entry or a marker. */
export function memcachedBackend(requests: MemcachedRequests): Backend<Found> {
  const items: Items = { ...requests, own: makeOwnMarkers(requests.connectionTo) };
  const { ask, own } = items;
  return {
    read: (target) => look(items, target),
    take: (target, wanted) => take(items, target, wanted),
    renew: (target, { owner, ttl }) =>
      asHolder(items, target, owner, async (held, over) => {
        const marker = { ...held, ttl };
        const renewed = await ask(target, { opcode: REPLACE, over, body: markerBody(marker) });
        if (renewed !== undefined) own.remember(target.name, marker, renewed);
        return renewed;
      }),
    fill: (target, { owner, data, ttl }) => {
      const body = entryBody(data, ttl);
      const fill: Act = (_, over) => ask(target, { opcode: REPLACE, over, body });
      // A request is sent again where no reply came: then this very value is there, and no marker.
      const isFilled = (item: MemcachedAnswer) => isSame(item.value, bytesOf(data));
      return asHolder(items, target, owner, fill, isFilled);
    },
    release: (target, { owner, outcome }) =>
      asHolder(items, target, owner, ({ ttl, last, how }, over) => {
        // memcached doesn't tell what is left of a lease: how it ended is remembered for all of its length.
        const ended = outcome === "cancelled" ? { last, how } : { last: owner, how: outcome };
        return ended.how === undefined
          ? ask(target, { opcode: DELETE, over })
          : ask(target, { opcode: REPLACE, over, body: markerBody({ ttl, ...ended }) });
      }),
    write: (target, { data, ttl }) => ask(target, { opcode: SET, body: entryBody(data, ttl) }),
    remove: (target) => ask(target, { opcode: DELETE }),
  };
}

function entryBody(data: string | Uint8Array, ttl: number | undefined): MemcachedBody {
  return { data, seconds: ttl === undefined ? 0 : secondsOf(ttl) };
}

async function look({ ask }: Items, target: Target): Promise<Found> {
  const item = await ask(target, { opcode: GET });
  return item === undefined ? {} : foundIn(item);
}

function foundIn(item: MemcachedAnswer): Found {
  const marker = markerIn(item);
  return marker === undefined
    ? { data: item.value, version: item }
    : { ...rowOf(marker), version: item };
}

function rowOf({ owner, ttl, last, how }: Marker): Row {
  return {
    lease: owner === undefined ? undefined : { owner, remaining: ttl },
    ended: last === undefined || how === undefined ? undefined : { owner: last, outcome: how },
  };
}

/** Adds the marker, or looks, and replaces what it finds if that is no entry, no lease and no end that was waited for. */
function take(items: Items, target: Target, wanted: Wanted<Found>): Promise<Found> {
  const { ask, own } = items;
  const { owner, ttl, waitedFor } = wanted;
  let { ignored } = wanted;
  const put = async (over: MemcachedVersion | undefined, ended: EndedLease | undefined) => {
    const marker = { owner, ttl, ...lastOf(ended) };
    const opcode = over === undefined ? ADD : REPLACE;
    const taken = await ask(target, { opcode, over, body: markerBody(marker) });
    if (taken !== undefined) own.remember(target.name, marker, taken);
    return taken === undefined ? undefined : rowOf(marker);
  };
  // Who has waited mostly finds the marker again, or the value: then one request is enough.
  let isUnseen = waitedFor === undefined && ignored === undefined;
  return retry(target, async () => {
    const added = isUnseen ? await put(undefined, undefined) : undefined;
    isUnseen = false;
    if (added !== undefined) return added;
    const found = ignored ?? await look(items, target);
    if (found.data !== undefined && found !== ignored) return found;
    ignored = undefined;
    const decision = decide(found, wanted);
    if (decision?._tag === "Leader") {
      const marker = { owner, ttl: decision.remaining, ...lastOf(found.ended) };
      own.remember(target.name, marker, found.version!);
    }
    if (decision !== undefined) return found;
    const taken = await put(found.version, found.ended);
    if (taken === undefined) throw new Contention();
    return taken;
  });
}

function lastOf(ended: EndedLease | undefined): Pick<Marker, "last" | "how"> {
  return { last: ended?.owner, how: ended?.outcome };
}

/** Changes a marker over this version of it; undefined where another one is there. */
type Act = (marker: Marker, over: MemcachedVersion) => Promise<MemcachedAnswer | undefined>;

/**
 * Does something to the owner's marker if it is there; false if not, but where it `isDone` already.
 */
async function asHolder(
  items: Items,
  target: Target,
  owner: string,
  act: Act,
  isDone: (item: MemcachedAnswer) => boolean = () => false,
): Promise<boolean> {
  const known = items.own.recall(target.name, owner);
  if (known !== undefined && await act(...known) !== undefined) return true;
  return await retry(target, async () => {
    const item = await items.ask(target, { opcode: GET });
    if (item === undefined) return false;
    const marker = markerIn(item);
    if (marker === undefined) return isDone(item);
    if (marker.owner !== owner) return false;
    if (await act(marker, item) === undefined) throw new Contention();
    return true;
  });
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
