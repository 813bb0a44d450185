import type { Damage } from "../../conformance/mod.ts";
import { askMemcached } from "../../servers/memcached.ts";

/** What tells a marker, as adapters/memcached/marker.ts has it. */
const MARKER = 0x1ea5ed;

/** Damages the items of servers, past the adapter: of all of them, as only clients know who has which. */
export function damageOf(ports: () => readonly number[], nameOf: (key: string) => string): Damage {
  const item =
    (text: (ttl: number) => string, flags = MARKER) => async (key: string, ttl: number) => {
      const data = text(ttl);
      const command = `set ${nameOf(key)} ${flags} 0 ${data.length}\r\n${data}`;
      await Promise.all(ports().map((port) => askMemcached(port, command)));
    };
  return {
    entries: {
      "text that is no JSON": item(() => "{", 0),
      "a marker that is no JSON": item(() => "{"),
      "a marker that is an entry": item(() => "5"),
      "a marker that lives for nothing": item(() => '{"owner":"gone","ttl":0}'),
      "a marker that lives for text": item(() => '{"owner":"gone","ttl":"5000"}'),
      "a marker of a number": item((ttl) => JSON.stringify({ owner: 5, ttl })),
    },
    leases: {
      "a marker for good": item((ttl) => JSON.stringify({ owner: "gone", ttl })),
      "a marker for longer than a month": item(() =>
        JSON.stringify({ owner: "gone", ttl: 32 * 86_400_000 })
      ),
      "an end of nobody": item((ttl) => JSON.stringify({ how: "uncached", ttl })),
    },
  };
}
