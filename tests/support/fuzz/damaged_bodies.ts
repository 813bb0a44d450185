import type { Damaged } from "./damage.ts";

/** What reads and writes objects past the adapters that keep one object per key. */
export interface Bodies {
  read(name: string): PromiseLike<string | undefined>;
  write(name: string, body: string | Uint8Array): PromiseLike<unknown>;
}

/** Damages the head, the value or some byte of an object. */
export function damagedBodies({ read, write }: Bodies): Damaged["damage"] {
  return async (key, draw) => {
    const body = await read(key) ?? "";
    const end = body.indexOf("\n");
    const [format, value] = ["cache-locking/1 ", body.slice(end + 1)];
    const bytes = new TextEncoder().encode(body);
    bytes[draw.below(bytes.length)] = draw.below(256);
    const changed = () => {
      if (end < 0) return draw.text();
      const head = JSON.parse(body.slice(format.length, end));
      const field = draw.of("kind", "owner", "ttl", "at", "last", "by");
      head[field] = draw.of<unknown>(
        draw.text(),
        draw.of("entry", "lease"),
        draw.of(-1, 0, 150, 4e9, 1e300),
        null,
        [],
        { lease: draw.text(), outcome: draw.of<unknown>("failed", "uncached", 5) },
      );
      return `${format}${JSON.stringify(head)}\n${value}`;
    };
    await write(
      key,
      draw.of<string | Uint8Array>(
        changed(),
        changed(),
        bytes,
        bytes.subarray(0, draw.below(bytes.length)),
      ),
    );
  };
}
