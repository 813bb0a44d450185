import type { Damage } from "../conformance/mod.ts";

/** Damages objects, past the adapters that keep one per key. */
export function damagedObjects(
  write: (key: string, body: string | Uint8Array) => PromiseLike<unknown>,
): Damage {
  const head = (head: object, data = "") => `cache-locking/1 ${JSON.stringify(head)}\n${data}`;
  const object = (body: (ttl: number) => string | Uint8Array) => (key: string, ttl: number) =>
    write(key, body(ttl));
  const at = 1;
  const entry = (fields: string) =>
    `cache-locking/1 {"kind":"entry","at":${Date.now()},${fields}}\n"damaged"`;
  const ended = (fields: string) =>
    `cache-locking/1 {"kind":"lease","at":${Date.now()},"last":{"lease":"gone","outcome":"failed"},${fields}}\n`;
  return {
    entries: {
      "an object of others": object(() => "not one of ours"),
      "bytes that are no text": object(() => Uint8Array.of(34, 255, 34)),
      "a head alone": object(() => "cache-locking/1 "),
      "a head that is no JSON": object(() => "cache-locking/1 {\n5"),
      "a value that is no JSON": object(() => head({ kind: "entry", at: Date.now() }, "{")),
      "an entry until text": object(() => head({ kind: "entry", at, ttl: "soon" }, "5")),
      "an entry of another time": object(() => head({ kind: "entry", at: "soon" }, "5")),
      "a lease for text": object(() => head({ kind: "lease", owner: "gone", at, ttl: "5000" })),
      "a lease for null": object(() => head({ kind: "lease", owner: "gone", at, ttl: null })),
      "a lease of a number": object((ttl) => head({ kind: "lease", owner: 5, at, ttl })),
    },
    ages: Object.fromEntries(
      ["-5", "1e300", "1e400", "null"].flatMap((time) =>
        ["staleFor", "took"].map((field) => [
          `${field} of ${time}`,
          object(() => entry(`"ttl":60000,"staleFor":60000,"${field}":${time}`)),
        ])
      ),
    ),
    pauses: Object.fromEntries(
      ["-5", "1e300", "1e400", '"5"', "null", "[]"].flatMap((number) =>
        ["failures", "quietFor"].map((field) => [
          `${field} of ${number}`,
          object((ttl) => ended(`"ttl":${ttl},"failures":1,"${field}":${number}`)),
        ])
      ),
    ),
    leases: {
      "a lease for longer than a month": object(() =>
        head({ kind: "lease", owner: "gone", at: Date.now(), ttl: 32 * 86_400_000 })
      ),
      "a lease of the future": object((ttl) =>
        head({ kind: "lease", owner: "gone", at: Date.now() + 86_400_000, ttl })
      ),
      "an end of nobody": object((ttl) =>
        head({ kind: "lease", at: Date.now(), ttl, last: { outcome: "uncached" } })
      ),
    },
  };
}
