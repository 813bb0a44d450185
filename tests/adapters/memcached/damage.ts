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
  const entry = (field: string, time: string) =>
    item(() => {
      const kept = `{"freshFor":60000,"staleFor":60000,"age":0,"${field}":${time}}`;
      return `{"ttl":0,"at":${Date.now()},"entry":${kept}}\n"damaged"`;
    });
  return {
    entries: {
      "text that is no JSON": item(() => "{", 0),
      "a marker that is no JSON": item(() => "{"),
      "a marker that is an entry": item(() => "5"),
      "a marker that lives for nothing": item(() => '{"owner":"gone","ttl":0}'),
      "a marker that lives for text": item(() => '{"owner":"gone","ttl":"5000"}'),
      ...Object.fromEntries(
        ["staleFor", "took", "freshFor", "age"].flatMap((field) =>
          ["1e400", "-1e400", "null"].map((time) => [
            `an entry with ${time} as ${field}`,
            entry(field, time),
          ])
        ),
      ),
      "a marker of a number": item((ttl) => JSON.stringify({ owner: 5, ttl })),
    },
    ages: Object.fromEntries(
      ["-5", "1e300", "5.5"].flatMap((time) =>
        ["staleFor", "took", "freshFor"].map((field) => [`${field} of ${time}`, entry(field, time)])
      ),
    ),
    pauses: Object.fromEntries(
      ["-5", "1e300", "1e400", '"5"', "null", "[]"].flatMap((number) =>
        ["failures", "quietFor"].map((field) => [
          `${field} of ${number}`,
          item((ttl) =>
            `{"last":"gone","how":"failed","ttl":${ttl},"failures":1,"${field}":${number}}`
          ),
        ])
      ),
    ),
    leases: {
      "a marker for good": item((ttl) => JSON.stringify({ owner: "gone", ttl })),
      "a marker for longer than a month": item(() =>
        JSON.stringify({ owner: "gone", ttl: 32 * 86_400_000 })
      ),
      "an end of nobody": item((ttl) => JSON.stringify({ how: "uncached", ttl })),
    },
  };
}
