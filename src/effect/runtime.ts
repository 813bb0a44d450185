/** Whether this is Cloudflare Workers, where one request may not await another's I/O or timers. */
export const inWorkers: boolean =
  (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent ===
    "Cloudflare-Workers";

/** A channel of `node:diagnostics_channel`. */
export interface Channel {
  /** Whether anybody would have a message. */
  readonly hasSubscribers: boolean;
  /** Hands a message to all subscribers. What they throw goes to the process. */
  publish(message: unknown): void;
}

/** The channel of a name; undefined where a program can't ask for Node's own modules as it runs. */
export function diagnosticsChannel(name: string): Channel | undefined {
  const { process } = globalThis as unknown as {
    readonly process?: {
      getBuiltinModule?(module: string): { channel(name: string): Channel } | undefined;
    };
  };
  return process?.getBuiltinModule?.("node:diagnostics_channel")?.channel(name);
}
