import type { Objects } from "./objects.ts";
import { checkMethods } from "./options.ts";
import { retry, sleep } from "./retry.ts";
import type { Bucket } from "./bucket.ts";

/** The objects of such a bucket. The time is this program's, whose host is the bucket's. Throws for what is no bucket. */
export function bucketObjects(bucket: Bucket): Objects {
  checkMethods("bucket", ["put"], "a binding, or a name beside `client`", bucket);
  return patient({
    conditional: "known",
    resolution: 1,
    now: () => Date.now(),
    async get(name) {
      const object = await bucket.get(name);
      if (object === null) return undefined;
      const { etag, uploaded } = object;
      return {
        body: new Uint8Array(await object.arrayBuffer()),
        etag,
        written: uploaded.getTime(),
      };
    },
    async put(name, body, { over }) {
      if (over === undefined) return (await bucket.put(name, body))?.etag;
      const onlyIf = over === null ? { etagDoesNotMatch: "*" } : { etagMatches: over };
      return (await bucket.put(name, body, { onlyIf }))?.etag;
    },
    delete: (name) => bucket.delete(name),
  });
}

/** How long a write waits that was one too many, in milliseconds. */
const PAUSE = 200;

/** Writes again, for as long as the answer is wanted, where a server takes one write a second to one object. */
export function patient(objects: Objects): Objects {
  const again = { again: isTooMany, most: Infinity, pause: () => sleep(PAUSE) };
  return {
    ...objects,
    put: (name, body, options) =>
      retry({ signal: () => options.signal }, () => objects.put(name, body, options), again),
  };
}

/** [Error 10058](https://developers.cloudflare.com/r2/api/error-codes/), as a binding and as HTTP has it. */
function isTooMany(error: unknown): boolean {
  return error instanceof Error &&
    (error.name === "TooManyRequests" || error.message.includes("(10058)"));
}
