import type { Backend, Written } from "../kit/backend.ts";
import { remembered, shortened } from "../kit/names.ts";
import type { SqliteBackend } from "../kit/sqlite_backend.ts";
import type { KvNamespace } from "./options.ts";

/** The shortest lifetime that KV accepts, in milliseconds. */
const SHORTEST = 60_000;

/** The longest lifetime that the adapter sends, in milliseconds: 30 years. */
const LONGEST = 1e12;

/** How long D1 keeps a filled value, in milliseconds: longer than KV's reads lag. */
const LAG = 120_000;

/** Keeps entries in KV; leases and just filled values in rows. */
export function kvBackend(kv: KvNamespace, rows: SqliteBackend): Backend {
  const put = (name: string, { data, ttl }: Written) => kv.put(nameOf(name), data, expiryOf(ttl));
  const briefly = ({ data, ttl = LAG }: Written) => ({ data, ttl: Math.min(ttl, LAG) });
  return {
    ...rows,
    async read({ name }) {
      const { value, metadata } = await kv.getWithMetadata(nameOf(name), "arrayBuffer");
      const { expiresAt } = (metadata ?? {}) as { readonly expiresAt?: unknown };
      // An end that is no number is over.
      const isExpired = expiresAt !== undefined &&
        !(typeof expiresAt === "number" && expiresAt > Date.now());
      return value === null || isExpired ? undefined : { data: new Uint8Array(value) };
    },
    async write(target, written) {
      await rows.write(target, briefly(written));
      await put(target.name, written);
    },
    async remove(target) {
      await rows.remove(target);
      await kv.delete(nameOf(target.name));
    },
    async fill(target, { owner, ...filled }) {
      if (!await rows.fill(target, { owner, ...briefly(filled) })) return false;
      await put(target.name, filled);
      if (await rows.filledBy(target, owner)) return true;
      // A delete, or another value, has come between the two.
      await kv.delete(nameOf(target.name));
      return false;
    },
  };
}

function expiryOf(ttl: number | undefined) {
  return ttl === undefined ? {} : {
    expirationTtl: Math.ceil(Math.min(Math.max(ttl, SHORTEST), LONGEST) / 1000),
    metadata: { expiresAt: Date.now() + ttl },
  };
}

/** KV takes names of up to 512 bytes, but neither `.` nor `..`. */
const nameOf = remembered((key) => shortened(key, key === "." || key === ".." ? 0 : 512));
