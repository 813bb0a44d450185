import { loadOnce } from "../../src/store/load_once.ts";
import type { Objects } from "./objects.ts";
import { importFromNpm } from "./optional_import.ts";
import { checkMethods, checkOption } from "./options.ts";
import { retry } from "./retry.ts";
import { makeServerClock } from "./server_clock.ts";
import { expectNothing, sendOn, type SmithyClient, type SmithyCommands } from "./smithy.ts";

/** The options of {@linkcode commandObjects}. */
export interface CommandObjectsOptions {
  readonly client: SmithyClient;
  /** The bucket's name. */
  readonly bucket: string;
  readonly conditional: Objects["conditional"];
}

type Commands = SmithyCommands<"GetObject" | "PutObject" | "DeleteObject">;

interface Output {
  readonly Body: { transformToByteArray(): Promise<Uint8Array> };
  readonly ETag: string;
  readonly LastModified: Date;
}

/** The unit of an HTTP date. Some servers renew that of their replies once a second, so that it may be a second old. */
const SECOND = 1000;

/** A body that was cut off, or isn't what its checksum says: the SDK's own tries end with the headers. */
class CutOff extends Error {}

function cutOff(cause: unknown): never {
  throw new CutOff("the object was cut off, or isn't what its checksum says", { cause });
}

/** What a conditional write is refused with, or must be tried again with. */
const refusals = [
  "PreconditionFailed",
  "NoSuchKey",
  "ConditionalRequestConflict",
  "OperationAborted",
];

const PACKAGE = "@aws-sdk/client-s3";

const commands = loadOnce(async (): Promise<Commands> => {
  try {
    return await import(PACKAGE) as unknown as Commands;
  } catch (cause) {
    return await importFromNpm(PACKAGE, "^3", cause);
  }
});

/** Makes the objects of a bucket that is reached over HTTP. Of the server's clock it learns by each answer's `Date`. */
export function commandObjects(
  { client, bucket, conditional }: CommandObjectsOptions,
): Objects {
  checkMethods("client", ["send"], "an S3 client", client);
  const isName = typeof bucket === "string" && bucket !== "";
  checkOption("bucket", isName, "the name of a bucket", bucket);
  const clock = makeServerClock({ late: 2 * SECOND });
  /** Sends a command about an object; undefined for an error that is an answer. */
  const send = async (
    command: keyof Commands,
    input: { readonly Key: string; readonly [option: string]: unknown },
    signal: AbortSignal,
    answers: readonly string[] = [],
  ) => {
    const { [command]: Command } = await commands();
    try {
      const request = new Command({ Bucket: bucket, ...input });
      expectNothing(request);
      return await sendOn(client, request, clock, signal) as Output;
    } catch (error) {
      const { name = "" } = error as { name?: string };
      if (answers.includes(name)) return undefined;
      const explanation = explanationOf(name, JSON.stringify(bucket));
      throw explanation === undefined ? error : new Error(explanation, { cause: error });
    }
  };

  return {
    conditional,
    resolution: SECOND,
    now: clock.now,
    get: (Key, signal) =>
      retry({ signal: () => signal }, async () => {
        const answer = await send("GetObjectCommand", { Key }, signal, ["NoSuchKey"]);
        if (answer === undefined) return undefined;
        const { Body, ETag, LastModified } = answer;
        const body = await Body.transformToByteArray().catch(cutOff);
        return { body, etag: ETag, written: LastModified.getTime() };
      }, { again: (error) => error instanceof CutOff }),
    async put(Key, Body, { over, signal }) {
      if (over === undefined) return (await send("PutObjectCommand", { Key, Body }, signal))?.ETag;
      const condition = over === null ? { IfNoneMatch: "*" } : { IfMatch: over };
      return (await send("PutObjectCommand", { Key, Body, ...condition }, signal, refusals))?.ETag;
    },
    delete: (Key, signal) => send("DeleteObjectCommand", { Key }, signal),
  };
}

function explanationOf(error: string, bucket: string): string | undefined {
  if (error === "NoSuchBucket") return `there is no bucket ${bucket}`;
  if (error !== "AccessDenied") return undefined;
  return `access to the bucket ${bucket} is denied; S3 says so of missing objects, too, without s3:ListBucket`;
}
