import type { LineEvents } from "./backend.ts";

/** The channel of what a server says that has been changed. */
export const INVALIDATED = "__redis__:invalidate";

/**
 * Has a server tell of each change of a key with this prefix, whoever makes it, on the very connection that asks for it:
 * [CLIENT TRACKING](https://redis.io/docs/latest/commands/client-tracking/) with BCAST. So nothing tells by halves: whatever
 * ends the connection ends both. It must speak RESP2, and subscribe to {@linkcode INVALIDATED} afterwards.
 */
export async function track(
  send: (command: string, ...args: string[]) => Promise<unknown>,
  prefix: string,
): Promise<void> {
  const id = String(await send("CLIENT", "ID"));
  const prefixes = prefix === "" ? [] : ["PREFIX", prefix];
  await send("CLIENT", "TRACKING", "ON", "REDIRECT", id, "BCAST", ...prefixes); // mutate: tracked prefix
}

/** Passes on what a server says: a message for each key, or one without text for all of them. */
export function passInvalidated(keys: unknown, message: LineEvents["message"]): void {
  if (!Array.isArray(keys)) return message(INVALIDATED, ""); // mutate: tracked all
  for (const key of keys) { // mutate: tracked keys
    message(INVALIDATED, key instanceof Uint8Array ? text.decode(key) : String(key));
  }
}

/** A key may begin with what looks like a byte order mark. */
const text = new TextDecoder("utf-8", { ignoreBOM: true }); // mutate: tracked text
