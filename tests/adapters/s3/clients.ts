import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { readFileSync } from "node:fs";
import { PASSWORD } from "../../conformance/told.ts";
import { variable, withoutServer } from "../../support/address.ts";
import type { OpenHand } from "../../support/fuzz.ts";
import { foreignBodies } from "../../support/fuzz/foreign_bodies.ts";
import type { Counter } from "../../support/rounds.ts";

/** Where the server is. */
export const s3Url: string | undefined = variable("S3_URL");

/** The name of the bucket. */
export const bucket: string = variable("S3_BUCKET") ?? "cache";

/** The file in which the server notes each request, in a line. */
export const s3Log: string | undefined = variable("S3_ACCESS_LOG");

/** Why the suites that count requests are skipped, if they are. */
export const withoutLog: string | false = s3Log === undefined && withoutServer("S3_ACCESS_LOG");

/** Why the suites are skipped, if they are. */
export const skip: string | false = s3Url === undefined && withoutServer("S3_URL");

type Sdk = typeof import("@aws-sdk/client-s3");

/** The SDK, which is loaded late: it looks at the environment. */
export const loadSdk = (): Promise<Sdk> => import("@aws-sdk/client-s3");

/** A client of the server at this address. */
export function clientOf({ S3Client }: Sdk, endpoint: string, options?: S3ClientConfig): S3Client {
  return new S3Client({
    endpoint,
    forcePathStyle: true,
    region: variable("AWS_REGION") ?? "local",
    credentials: {
      accessKeyId: variable("AWS_ACCESS_KEY_ID") ?? "local",
      secretAccessKey: variable("AWS_SECRET_ACCESS_KEY") ?? PASSWORD,
    },
    ...options,
  });
}

/** Reads and writes the text of objects, past every adapter. */
export function objectsOf(sdk: Sdk, client: S3Client): {
  get(name: string): Promise<string | undefined>;
  put(name: string, body: string | Uint8Array): Promise<unknown>;
} {
  const at = (Key: string) => ({ Bucket: bucket, Key });
  return {
    get: async (name) => {
      try {
        return await (await client.send(new sdk.GetObjectCommand(at(name)))).Body!
          .transformToString();
      } catch (error) {
        if ((error as Error).name === "NoSuchKey") return undefined;
        throw error;
      }
    },
    put: (name, Body) => client.send(new sdk.PutObjectCommand({ ...at(name), Body })),
  };
}

/** Counts what the server is sent from now on, by its own log. */
export function countRequests(log: string): Promise<Counter> {
  let read = readFileSync(log).length;
  return Promise.resolve({
    take() {
      const bytes = readFileSync(log);
      const lines = bytes.toString("utf8", read);
      read = bytes.length;
      return Promise.resolve(Array.from(lines.matchAll(/ s3_(\w+)/g), ([, name]) => name!));
    },
    stop: () => {},
  });
}

/** What is done to the requests of one client. */
export type Meddle = (
  request: Request,
  next: (request: Request) => Promise<object>,
) => Promise<object>;

/** One request: its command, and what that was given. */
export interface Request {
  readonly command: string;
  readonly input: {
    readonly Body?: Uint8Array;
    readonly IfMatch?: string;
    readonly IfNoneMatch?: string;
  };
}

/** Meddles with the requests of a client before they are signed; answers the commands that it has sent. */
export function meddle(client: S3Client, how?: Meddle): string[] {
  const sent: string[] = [];
  client.middlewareStack.add(
    (next, { commandName = "" }) => async (args) => {
      sent.push(commandName.replace(/Command$/, ""));
      if (how === undefined) return await next(args);
      const request = { command: sent.at(-1)!, input: args.input as Request["input"] };
      return await how(
        request,
        ({ input }) => next({ ...args, input: input as object }),
      ) as Awaited<ReturnType<typeof next>>;
    },
    { step: "initialize", priority: "low" },
  );
  return sent;
}

/** Writes objects past every adapter, none of which is an entry. */
export async function foreignObjects(): Promise<OpenHand> {
  const sdk = await loadSdk();
  const client = clientOf(sdk, s3Url!);
  const hand = foreignBodies((Key, Body) =>
    client.send(new sdk.PutObjectCommand({ Bucket: bucket, Key, Body }))
  );
  return { ...hand, close: () => client.destroy() };
}
