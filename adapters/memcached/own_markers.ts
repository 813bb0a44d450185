import type { MemcachedRequests, MemcachedVersion } from "./client.ts";
import type { Marker } from "./marker.ts";

/** How many markers are remembered at most for one connection; what is forgotten costs a look. */
const MOST_REMEMBERED = 10_000;

/** The markers of this process's owners, so that a write over one needs no look before it. */
export interface OwnMarkers {
  /** Notes a marker that is there, and its version. */
  remember(name: string, marker: Marker, version: MemcachedVersion): void;
  /** Gives the marker, and forgets it. Undefined where it isn't known for the connection of now. */
  recall(name: string, owner: string): readonly [Marker, MemcachedVersion] | undefined;
}

/** Makes the memory of one store. */
export function makeOwnMarkers(connectionTo: MemcachedRequests["connectionTo"]): OwnMarkers {
  const known = new WeakMap<object, Map<string, readonly [Marker, MemcachedVersion]>>();
  return {
    remember(name, marker, { cas, connection }) {
      if (connection === undefined) return;
      const markers = known.get(connection) ?? new Map();
      if (markers.size === MOST_REMEMBERED) markers.clear();
      known.set(connection, markers.set(`${name} ${marker.owner}`, [marker, { cas, connection }]));
    },
    recall(name, owner) {
      const connection = connectionTo(name);
      const markers = connection && known.get(connection);
      const found = markers?.get(`${name} ${owner}`);
      markers?.delete(`${name} ${owner}`);
      return found;
    },
  };
}
