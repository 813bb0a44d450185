import type { Push } from "../kit/push.ts";
import type { RedisScripts } from "./scripts.ts";

/** What a script is given, and answers with: text as bytes, and numbers as such or as text. */
export type RedisArgument = string | number | Uint8Array;

/** What a script answers. */
export type RedisReply =
  | Uint8Array
  | number
  | string
  | readonly (Uint8Array | number | string | null)[];

/** What the adapter asks of a client, whichever library made it: each has a file of its own that says how. */
export interface RedisCommands {
  /** What the client puts before every name. */
  readonly keyPrefix: string;
  /** GET, as bytes. */
  get(key: string): Promise<Uint8Array | null>;
  /** Runs a script on these keys. */
  run(
    script: keyof RedisScripts,
    keys: readonly string[],
    args: readonly RedisArgument[],
  ): Promise<RedisReply>;
  /** Messages on channels, named as the server sees them. */
  readonly push: Push;
}
