import { describe } from "../../src/model/describe.ts";
import { loadOnce } from "../../src/store/load_once.ts";
import type { Target } from "../kit/backend.ts";
import { importFromNpm } from "../kit/optional_import.ts";
import type { ServerClock } from "../kit/server_clock.ts";
import { sendOn, type SmithyCommands } from "../kit/smithy.ts";
import type { DynamodbClient } from "./options.ts";

type Sdk = SmithyCommands<"DeleteItem" | "GetItem" | "PutItem" | "UpdateItem">;

const PACKAGE = "@aws-sdk/client-dynamodb";

/** Loads the commands, which the client alone doesn't have. */
const sdk = loadOnce(async (): Promise<Sdk> => {
  try {
    return await import(PACKAGE) as unknown as Sdk;
  } catch (cause) {
    return await importFromNpm(PACKAGE, "^3", cause);
  }
});

/** What is used of an attribute: a text, a number or bytes. */
export interface AttributeValue {
  readonly S?: string;
  readonly N?: string;
  readonly B?: Uint8Array;
}

/** An item, or a part of one. */
export type Item = Readonly<Record<string, AttributeValue>>;

/** What became of a request. */
export interface Reply {
  /** False if its condition didn't hold. */
  readonly done: boolean;
  /** What there is: to a write that was done, what there was. */
  readonly item: Item | undefined;
}

/** Sends a command about an item; an item that is put has its key in it. */
export type Request = (
  target: Target,
  command: keyof Sdk,
  input: (Key: Item) => object,
) => Promise<Reply>;

/** Where the items are. */
export interface DynamodbTable {
  readonly client: DynamodbClient;
  /** The table's name or ARN. */
  readonly table: string;
}

/** Sends commands, by whose answers the clock learns: it has to know before something is written that depends on it. */
export function requestsOf(
  { client, table: TableName }: DynamodbTable,
  key: string,
  clock: ServerClock,
): Request {
  let isAnswered = false;
  return async ({ name, signal }, command, input) => {
    const commands = await sdk();
    const abortSignal = signal();
    const send = async (command: keyof Sdk, input: object) => {
      const answer = await sendOn(client, new commands[command](input), clock, abortSignal);
      isAnswered = true;
      return answer;
    };
    const Key: Item = { [key]: { S: name } };
    const get = { TableName, Key };
    if (!isAnswered && command !== "GetItemCommand") await send("GetItemCommand", get);
    const at = command === "PutItemCommand" ? { TableName } : get;
    return await replyOf(send(command, { ...at, ...input(Key) }));
  };
}

/** What an answer, or a failed condition, says. Throws every other error again. */
async function replyOf(sending: Promise<unknown>): Promise<Reply> {
  try {
    const { Item, Attributes } = await sending as { Item?: Item; Attributes?: Item };
    return { done: true, item: Item ?? Attributes };
  } catch (error) {
    // By its name: there may be two copies of the SDK.
    const { name, Item } = error as { name?: unknown; Item?: Item };
    if (name === "ConditionalCheckFailedException") return { done: false, item: Item };
    throw error;
  }
}

/** What there is to do about an error, where the SDK's own message doesn't say it. */
export function whyFailed(error: unknown, table: string, key: string): string | undefined {
  const { name, message, code } = error as Partial<Error> & { readonly code?: string };
  const schema = `a partition key ${describe(key)} of type String and no sort key`;
  if (name === "ResourceNotFoundException") {
    return `there is no table ${describe(table)} where the client looks; create it with ${schema}`;
  }
  if (name !== "ValidationException") return message || code || name;
  if (/item size/i.test(message!)) {
    return "DynamoDB takes items of 400 KB; use a codec that compresses, or cache less in one entry";
  }
  if (/schema|mismatch for key|missing the key|required keys|on the keys/i.test(message!)) {
    return `the table ${describe(table)} must have ${schema}: ${message}`;
  }
  return message;
}
