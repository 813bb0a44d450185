import { loadOnce } from "../../src/store/load_once.ts";
import type { Objects } from "./objects.ts";
import { importFromNpm } from "./optional_import.ts";
import { makeServerClock } from "./server_clock.ts";
import { learnByDate, type SmithyCommand } from "./smithy.ts";

/** A client that sends commands, which it signs, and retries if they fail in passing. */
export interface CommandClient {
  /** Sends one command. */
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/** The commands of the client, by their names there. */
interface Commands {
  readonly GetObjectCommand: new (input: Input) => SmithyCommand;
  readonly PutObjectCommand: new (
    input: Input & { Body: Uint8Array; IfMatch?: string; IfNoneMatch?: string },
  ) => SmithyCommand;
  readonly DeleteObjectCommand: new (input: Input) => SmithyCommand;
}

/** The options of {@linkcode commandObjects}. */
export interface CommandObjectsOptions {
  readonly client: CommandClient;
  /** The bucket's name. */
  readonly bucket: string;
  readonly conditional: Objects["conditional"];
}

interface Input {
  Bucket: string;
  Key: string;
}

interface GetOutput {
  readonly Body: { transformToByteArray(): Promise<Uint8Array> };
  readonly ETag: string;
  readonly LastModified: Date;
}

/** The unit of an HTTP date. Some servers renew that of their replies once a second, so that it may be a second old. */
const SECOND = 1000;

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
    return await import(PACKAGE);
  } catch (cause) {
    return await importFromNpm(PACKAGE, "^3", cause);
  }
});

/** Makes the objects of a bucket that is reached over HTTP. Of the server's clock it learns by each answer's `Date`. */
export function commandObjects(
  { client, bucket, conditional }: CommandObjectsOptions,
): Objects {
  const clock = makeServerClock({ late: 2 * SECOND });

  const send = async (
    command: SmithyCommand,
    abortSignal: AbortSignal,
    answers: readonly string[],
  ) => {
    learnByDate(command, clock);
    try {
      return await client.send(command as never, { abortSignal });
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      if (answers.includes(name)) return undefined;
      throw name in explanations ? new Error(explanations[name]!(bucket), { cause: error }) : error;
    }
  };
  const at = (Key: string) => ({ Bucket: bucket, Key });

  return {
    conditional,
    resolution: SECOND,
    now: clock.now,
    async get(name, signal) {
      const { GetObjectCommand } = await commands();
      const answer = await send(new GetObjectCommand(at(name)), signal, ["NoSuchKey"]);
      if (answer === undefined) return undefined;
      const { Body, ETag, LastModified } = answer as GetOutput;
      return {
        body: await Body.transformToByteArray(),
        etag: ETag,
        written: LastModified.getTime(),
      };
    },
    async put(name, body, { over, signal }) {
      const { PutObjectCommand } = await commands();
      const condition = over === undefined
        ? {}
        : over === null
        ? { IfNoneMatch: "*" }
        : { IfMatch: over };
      const command = new PutObjectCommand({ ...at(name), Body: body, ...condition });
      const answer = await send(command, signal, over === undefined ? [] : refusals);
      return (answer as { readonly ETag: string } | undefined)?.ETag;
    },
    async delete(name, signal) {
      const { DeleteObjectCommand } = await commands();
      await send(new DeleteObjectCommand(at(name)), signal, []);
    },
  };
}

const explanations: Readonly<Record<string, (bucket: string) => string>> = {
  NoSuchBucket: (bucket) => `there is no bucket ${JSON.stringify(bucket)}`,
  AccessDenied: (bucket) =>
    `access to the bucket ${
      JSON.stringify(bucket)
    } is denied; who may not list it is told so even of objects that ` +
    "aren't there",
};
