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
  /** An entry behind a line that says how long it is stale, and how long its fetch took. */
  const aged = (line: string, life?: number): Damager =>
    over(entry, async (name) => {
      await admin().set(name, `\0cache-locking/1 ${line}\n"damaged"`);
      if (life !== undefined) await admin().pexpire(name, life);
    });
  return {
    entries: {
      "text that is no JSON": (key) => admin().set(entry(key), "{"),
      "bytes that are no text": (key) => admin().set(entry(key), Buffer.from([34, 255, 34])),
      ...Object.fromEntries(
        ["-5 5", "Infinity 5", "1e12 5", "NaN 5", "5.5 5", "0x10 5", " 5", "5"].map((line) => [
          `a value behind the line ${JSON.stringify(line)}`,
          aged(line, 60_000),
        ]),
      ),
      "a line that has no end": (key) =>
        admin().set(entry(key), "\0cache-locking/1 60000 5", "PX", 50_000),
      "a list": over(entry, (name) => admin().rpush(name, "1")),
      "a hash": over(entry, (name) => admin().hset(name, "owner", "a")),
      "a stream": over(entry, (name) => admin().xadd(name, "*", "a", "b")),
    },
    ages: {
      "stale for nothing": aged("0 5", 60_000),
      "stale for a million years": aged("31536000000000000 5", 60_000),
      "stale for a million years, and no end": aged("31536000000000000 5"),
      "stale for more than any number": aged(`${"9".repeat(400)} 5`, 60_000),
      "stale for more than any number, and no end": aged(`${"9".repeat(400)} 5`),
      ...Object.fromEntries(
        ["-5", "0", "Infinity", "NaN", "soon", "5 5"].map((took) => [
          `a fetch of ${took} ms`,
          aged(`60000 ${took}`, 90_000),
        ]),
      ),
    },
    pauses: Object.fromEntries(
      ["-1e300", "-1e12", "nan", "inf", "soon", ""].flatMap((text) =>
        ["failures", "after"].map((field) => [
          `${field} of ${text}`,
          over(lease, async (name) => {
            const whole = { last: "gone", how: "failed", failures: "1", after: "60000" };
            await admin().hset(name, { ...whole, [field]: text });
            await admin().pexpire(name, field === "after" ? 90_000 : 60_000);
          }),
        ])
      ),
    ),
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
