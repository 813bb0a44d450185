import type { ServerClock } from "./server_clock.ts";

/** What is used of a command of the AWS SDK; its middleware is of [Smithy](https://github.com/smithy-lang/smithy-typescript). */
export interface SmithyCommand {
  /** What each request of the command goes through. */
  readonly middlewareStack: {
    /** Adds a step. */
    add(
      middleware: never,
      options: { readonly step: "deserialize"; readonly priority: "low" },
    ): void;
  };
}

type Handler = (args: unknown) => Promise<{
  readonly response: { readonly headers?: Readonly<Record<string, string | undefined>> };
}>;

/**
 * Lets a clock learn by the `Date` of each answer to a command, whatever it says, and says that one has come. The client
 * stays as it is.
 */
export function learnByDate(
  command: SmithyCommand,
  clock: ServerClock,
  onAnswer: () => void = () => {},
): void {
  const learn = (next: Handler): Handler => async (args) => {
    const sent = performance.now();
    const answer = await next(args);
    onAnswer();
    clock.learn(Date.parse(answer.response.headers?.date ?? ""), sent);
    return answer;
  };
  command.middlewareStack.add(learn as never, { step: "deserialize", priority: "low" });
}
