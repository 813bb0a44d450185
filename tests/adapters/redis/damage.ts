import type { Redis } from "ioredis";
import type { Damage, Damager } from "../../conformance/mod.ts";

/** A month and a bit, in milliseconds: longer than any lease. */
const TOO_LONG = 32 * 24 * 60 * 60 * 1000;

/** Damages what a Redis has, past the adapter. */
export function damageOf(
  admin: () => Pick<Redis, "set" | "del" | "hset" | "rpush" | "xadd" | "pexpire">,
  { entry, lease }: Readonly<Record<"entry" | "lease", (key: string) => string>>,
): Damage {
  /** Writes under a name, in place of what is there. */
  const over = (
    nameOf: (key: string) => string,
    write: (name: string) => PromiseLike<unknown>,
  ): Damager =>
  async (key) => {
    await admin().del(nameOf(key));
    await write(nameOf(key));
  };
  return {
    entries: {
      "text that is no JSON": (key) => admin().set(entry(key), "{"),
      "bytes that are no text": (key) => admin().set(entry(key), Buffer.from([34, 255, 34])),
      "a list": over(entry, (name) => admin().rpush(name, "1")),
      "a hash": over(entry, (name) => admin().hset(name, "owner", "a")),
      "a stream": over(entry, (name) => admin().xadd(name, "*", "a", "b")),
    },
    leases: {
      "a lease without an end": over(lease, (name) => admin().hset(name, "owner", "gone")),
      "a lease for longer than a month": over(lease, async (name) => {
        await admin().hset(name, "owner", "gone");
        await admin().pexpire(name, TOO_LONG);
      }),
      "a lease of nobody": over(lease, (name) => admin().hset(name, "owner", "")),
      "an end of nobody": over(lease, (name) => admin().hset(name, "last", "", "how", "uncached")),
      "a hash of something else": over(lease, (name) => admin().hset(name, "name", "Ada")),
    },
    strangers: {
      "text": over(lease, (name) => admin().set(name, "gone")),
      "a list": over(lease, (name) => admin().rpush(name, "gone")),
    },
  };
}
