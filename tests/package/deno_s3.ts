// A client that is imported by its specifier has no name in the import map.
import { S3Client } from "npm:@aws-sdk/client-s3@3.1000.0";
import { Cache } from "cache-locking";
import { Effect } from "effect";

const client = new S3Client({
  endpoint: "http://127.0.0.1:1",
  region: "none",
  credentials: { accessKeyId: "none", secretAccessKey: "none" },
  maxAttempts: 1,
});
const adapter = { type: "s3", options: { client, bucket: "cache" } } as const;
const call = Cache.getOrSet({ adapter, key: "user:42", fetcher: () => Effect.succeed(42) });

const { _tag, message } = await Effect.runPromise(Effect.flip(call));
console.log(_tag, message);
