import { hasMethods } from "../kit/options.ts";
import type { PushConnection, PushEvents } from "../kit/push.ts";
import type { LineEvents } from "./backend.ts";
import { slotOf } from "./names.ts";
import { INVALIDATED, passInvalidated, track } from "./tracking.ts";
import type { NodeRedisClient, NodeRedisSubscriber } from "./options.ts";

/** A client of one server. What the types of the adapter leave out is what only some of the clients have. */
interface Single extends NodeRedisSubscriber {
  readonly isReady: boolean;
  duplicate(overrides: object): Single;
  connect(): Promise<unknown>;
  sendCommand(command: readonly string[]): Promise<unknown>;
  destroy(): void;
}

/** A node of a cluster. */
interface Node {
  readonly address: string;
}

interface Cluster extends NodeRedisSubscriber {
  readonly masters: readonly Node[];
  readonly slots: readonly ({ readonly master: Node } | undefined)[];
  nodeClient(node: Node): Promise<Single>;
}

/** Whether it is a client of a cluster. */
export function isCluster(client: unknown): client is Cluster {
  return hasMethods(client, "nodeClient");
}

/** What it takes to subscribe; the client of a pool can't. */
export const subscriberMethods: readonly string[] = [
  ...["on", "subscribe", "unsubscribe", "sSubscribe", "sUnsubscribe"],
];

function canSubscribe(client: unknown): client is NodeRedisSubscriber {
  return hasMethods(client, ...subscriberMethods);
}

/** Whether it is a client of one server, which has one connection. */
export function isSingle(client: unknown): client is Single {
  return canSubscribe(client) && !isCluster(client) && !isSentinel(client);
}

function isSentinel(client: unknown): boolean {
  return hasMethods(client, "getMasterNode");
}

/** Subscribes on the subscriber, or on connections of its own, which are closed with the client. */
export function openPush(
  client: NodeRedisClient,
  subscriber: NodeRedisSubscriber | undefined,
  events: PushEvents,
): Promise<PushConnection> | PushConnection | undefined {
  const connection = subscriber ?? client;
  if (isCluster(connection)) return openNodes(connection, events);
  if (subscriber === undefined && isSingle(client)) {
    // One that was closed would be connected again.
    return client.isOpen ? openDuplicate(client, events) : undefined;
  }
  return canSubscribe(connection) ? listenOn(connection, events) : undefined;
}

/** Whether more connections like that of a client can be opened by {@linkcode openLine}. */
export function canDuplicate(client: NodeRedisSubscriber): client is Single | Cluster {
  return isCluster(client) || isSingle(client);
}

/** Opens one more connection, to a server of a client's, which is closed with the client, and for good once it is lost. */
export async function openLine(
  client: NodeRedisClient,
  like: Single | Cluster,
  { message, ended }: LineEvents,
  tracked: string | undefined,
): Promise<PushConnection | undefined> {
  if (!(client as Partial<Single>).isOpen) return undefined;
  const connection = (await serverOf(like)).duplicate({
    disableOfflineQueue: true,
    RESP: 2,
    emitInvalidate: false,
    maintNotifications: "disabled",
  });
  const end = () => ended(lostConnection());
  const ends: readonly (readonly [Pick<Single, "on" | "removeListener">, string])[] = [
    // It doesn't say that it tracks no more once it is connected again.
    [connection, "reconnecting"],
    [connection, "error"],
    [connection, "end"],
    [client, "end"],
    [client, "disconnect"],
  ];
  const listener = (text: unknown, channel: unknown) =>
    channel === INVALIDATED
      ? passInvalidated(text, message)
      : message(String(channel), String(text));
  for (const [emitter, event] of ends) emitter.on(event, end);
  connection.on("error", ignore);
  const close = () => {
    for (const [emitter, event] of ends) emitter.removeListener(event, end);
    destroy(connection);
  };
  await connected(connection, close);
  const begun = tracked === undefined
    ? Promise.resolve()
    : track((...command) => connection.sendCommand(command), tracked);
  begun.catch(ignore);
  return {
    async subscribe(channel) {
      await begun;
      return await connection.subscribe(channel, listener);
    },
    unsubscribe(channels) {
      for (const channel of channels) {
        Promise.resolve(connection.unsubscribe(channel, listener)).catch(ignore);
      }
    },
    close,
  };
}

/** The client of one server, of a cluster any of its nodes. */
async function serverOf(client: Single | Cluster): Promise<Single> {
  if (!isCluster(client)) return client;
  const node = client.masters[Math.floor(Math.random() * client.masters.length)];
  if (node === undefined) throw new Error("the client knows no node of the cluster");
  return await client.nodeClient(node);
}

const lostConnection = () => new Error("the connection for pub/sub was lost");

function ignore(): void {}

/** What a subscription is made with: SUBSCRIBE, or SSUBSCRIBE for a channel in a slot of a cluster. */
interface Verbs {
  readonly subscribe: "subscribe" | "sSubscribe";
  readonly unsubscribe: "unsubscribe" | "sUnsubscribe";
}

const plain: Verbs = { subscribe: "subscribe", unsubscribe: "unsubscribe" };
const sharded: Verbs = { subscribe: "sSubscribe", unsubscribe: "sUnsubscribe" };

/** Subscribes on a connection that is up, and that subscribes again by itself when it is back. */
function listenOn(
  connection: NodeRedisSubscriber,
  { message, back, lost, ended, moved = ignore }: PushEvents & {
    /** A channel's slot has moved to another node. */
    readonly moved?: (channel: string) => void;
  },
  { subscribe, unsubscribe }: Verbs = plain,
): PushConnection {
  const listener = (text: unknown, channel: unknown) => message(String(channel), String(text));
  let isUp = true;
  const listeners = Object.entries<(what: never) => void>({
    ready() {
      if (!isUp) back();
      isUp = true;
    },
    reconnecting() {
      if (!isUp) lost(lostConnection());
      isUp = false;
    },
    error(error: Error) {
      // It gives up without another sign where its `reconnectStrategy` has it so, as after a `socketTimeout`.
      if (!connection.isOpen) ended(error);
      // Sentinel's client subscribes again, and doesn't say when.
      else if (isSentinel(connection)) lost(error);
    },
    "topology-change": () => lost(lostConnection()),
    "sharded-channel-moved": moved,
    end: () => ended(lostConnection()),
  });
  for (const [event, listener] of listeners) connection.on(event, listener as () => void);
  const leave = (channels: readonly string[]) => {
    for (const channel of channels) {
      Promise.resolve(connection[unsubscribe](channel, listener)).catch(ignore);
    }
  };
  return {
    subscribe: (channel) => connection[subscribe](channel, listener),
    unsubscribe: leave,
    close(channels) {
      for (const [event, listener] of listeners) {
        connection.removeListener(event, listener as () => void);
      }
      if (connection.isOpen) leave(channels);
    },
  };
}

/** Opens one more connection like a client's, which is closed with the client. */
async function openDuplicate(
  client: Single,
  events: Parameters<typeof listenOn>[1],
  verbs?: Verbs,
): Promise<PushConnection> {
  const connection = client.duplicate({ disableOfflineQueue: true });
  // Errors without a listener end the process.
  connection.on("error", ignore);
  const end = () => events.ended(lostConnection());
  client.on("end", end);
  const close = () => {
    client.removeListener("end", end);
    destroy(connection);
  };
  await connected(connection, close);
  const listening = listenOn(connection, events, verbs);
  return {
    ...listening,
    close() {
      listening.close([]);
      close();
    },
  };
}

/** Connects, and fails with the first error, for which it closes: node-redis would try again for as long as it may take. */
async function connected(connection: Single, close: () => void): Promise<void> {
  try {
    await new Promise((resolve, reject) => {
      connection.on("error", reject);
      connection.connect().then(resolve, reject).finally(() =>
        connection.removeListener("error", reject)
      );
    });
  } catch (error) {
    close();
    throw error;
  }
}

/** Closes a connection, once it isn't on its way to the server any more: node-redis 5 would leave the socket open then. */
function destroy(connection: Single): void {
  const close = () => {
    if (connection.isOpen) connection.destroy();
  };
  if (connection.isReady) return close();
  for (const event of ["ready", "error"]) connection.on(event, close);
}

/** Opens a connection to each node that has a channel, as it is asked for: so each tells when it is lost and back. */
function openNodes(cluster: Cluster, { message, lost, ended }: PushEvents): PushConnection {
  const nodes = new Map<string, Promise<PushConnection>>();
  const places = new Map<string, string>();
  let verbs = sharded;
  const on = (address: string) =>
    [...places].flatMap(([channel, at]) => at === address ? channel : []);
  const nodeAt = (address: string) => {
    const known = nodes.get(address);
    if (known !== undefined) return known;
    const node = openNode(address);
    nodes.set(address, node);
    node.catch(() => nodes.get(address) === node && nodes.delete(address));
    return node;
  };
  const openNode = async (address: string) => {
    const node = cluster.masters.find((master) => master.address === address);
    if (node === undefined) throw new Error(`the cluster has no node ${address}`);
    const back = () => on(address).forEach((channel) => message(channel));
    const gone = (error: unknown) => {
      nodes.get(address)?.then((node) => node.close([]), ignore);
      nodes.delete(address);
      lost(error);
    };
    const moved = (channel: string) => {
      places.delete(channel);
      subscribe(channel).then(() => message(channel), lost);
    };
    const events = { message, lost, back, ended: gone, moved };
    return await openDuplicate(await cluster.nodeClient(node), events, verbs);
  };
  const subscribe = async (channel: string, address = addressOf(cluster, channel), tries = 0) => {
    try {
      await (await nodeAt(address)).subscribe(channel);
      places.set(channel, address);
    } catch (error) {
      const reason = error instanceof Error ? error.message : "";
      // The client learns where a slot has moved to only by a command.
      const [, moved] = /^MOVED \d+ (\S+)/.exec(reason) ?? [];
      const isUnknown = verbs === sharded && /unknown command/i.test(reason);
      if (tries === MOST_MOVES || moved === undefined && !isUnknown) throw error;
      if (isUnknown) {
        // Before Redis 7 there are no channels in slots; a message of any other reaches all nodes.
        verbs = plain;
        for (const node of nodes.values()) node.then((node) => node.close([]), ignore);
        nodes.clear();
      }
      await subscribe(channel, moved, tries + 1);
    }
  };
  const end = () => ended(lostConnection());
  cluster.on("disconnect", end);
  return {
    subscribe: (channel) => subscribe(channel),
    unsubscribe(channels) {
      for (const channel of channels) {
        nodes.get(places.get(channel) ?? "")?.then((node) => node.unsubscribe([channel]), ignore);
        places.delete(channel);
      }
    },
    close() {
      cluster.removeListener("disconnect", end);
      for (const node of nodes.values()) node.then((node) => node.close([]), ignore);
    },
  };
}

/** How often a slot may have moved while a channel in it is subscribed to. */
const MOST_MOVES = 5;

function addressOf(cluster: Cluster, channel: string): string {
  const node = cluster.slots[slotOf(channel)]?.master ?? cluster.masters[0];
  if (node === undefined) throw new Error("the client knows no node of the cluster");
  return node.address;
}
