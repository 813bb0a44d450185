import type { ServerClock } from "./server_clock.ts";

/** What is used of a command of the AWS SDK; its middleware is of [Smithy](https://github.com/smithy-lang/smithy-typescript). */
export interface SmithyCommand {
  /** What each request of the command goes through. */
  readonly middlewareStack: {
    /** Adds a step. */
    add(
      middleware: never,
      options: { readonly step: "build" | "deserialize"; readonly priority: "low" },
    ): void;
  };
}

type Handler = (args: Sent) => Promise<{
  readonly response: { readonly headers?: Readonly<Record<string, string | undefined>> };
}>;

interface Sent {
  readonly request: { readonly headers: Record<string, string> };
}

/** The commands of a client, by their names there. */
export type SmithyCommands<Name extends string> = Readonly<
  Record<`${Name}Command`, new (input: object) => SmithyCommand>
>;

/** A client that sends commands, which it signs, and retries if they fail in passing. */
export interface SmithyClient {
  /** Sends a command, and resolves with its output. */
  send(command: never, options?: { readonly abortSignal?: AbortSignal }): Promise<unknown>;
}

/**
 * Has a command's body follow its headers at once. By `Expect`, which the client adds to writes, a body waits for the server to
 * ask for it: that is one more trip, over a connection of its own in newer versions, and some older ones
 * [never send it](https://github.com/aws/aws-sdk-js-v3/issues/6805) once a second has passed.
 */
export function expectNothing({ middlewareStack }: SmithyCommand): void {
  const send = (next: Handler): Handler => (args) => {
    delete args.request.headers["Expect"];
    return next(args);
  };
  middlewareStack.add(send as never, { step: "build", priority: "low" });
}

/** Sends a command. The clock learns by the `Date` of each answer to it, whatever it says; the client stays as it is. */
export function sendOn(
  client: SmithyClient,
  command: SmithyCommand,
  clock: ServerClock,
  abortSignal: AbortSignal,
): Promise<unknown> {
  const learn = (next: Handler): Handler => async (args) => {
    const sent = performance.now();
    const answer = await next(args);
    clock.learn(Date.parse(answer.response.headers?.date ?? ""), sent);
    return answer;
  };
  command.middlewareStack.add(learn as never, { step: "deserialize", priority: "low" });
  return client.send(command as never, { abortSignal });
}
