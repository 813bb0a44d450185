import process from "node:process";
import { fileURLToPath } from "node:url";
import { variable } from "./address.ts";
import type { Place } from "./connection.ts";
import type { Load } from "./load.ts";
import type { PlainOptions } from "./recorded_call.ts";
import type { Recording } from "./recording.ts";
import { startWorker } from "./worker.ts";

/** What one process is asked to do. */
export interface Task {
  readonly id: number;
  readonly key: string;
  /** Keys that one caller asks for at once, in this order, in place of `key`; nothing is recorded then. */
  readonly keys?: readonly string[];
  /** How many callers at once. */
  readonly callers: number;
  /** How long a fetch takes, in milliseconds. */
  readonly fetch: number;
  /** For how long a fetch keeps its process busy, once half of it is over, in milliseconds. */
  readonly busy?: number;
  /** What a fetch finds; by default it names the process. */
  readonly value?: string;
  /** Which fetch of all processes is the first to succeed. */
  readonly succeedsFrom?: number;
  readonly options?: PlainOptions;
  /** Whether they have the key fetched though its entry is fresh. */
  readonly refresh?: boolean;
  /** For how long its failures are shared with all processes at first, in milliseconds; nothing is recorded then. */
  readonly shares?: number;
  /** Whether nothing is recorded of it, so that what is measured is the library alone. */
  readonly unrecorded?: boolean;
}

/** What a process is told: a task, or what belongs to one. */
export interface Message extends Task {
  /** Which fetch of all processes its own is. */
  readonly number?: number;
  readonly load?: Load;
  readonly stop?: true;
  /** Whether it is to kill itself. */
  readonly die?: true;
}

/** What a process answers: at first that it is ready, by nothing at all. */
export interface Told {
  readonly id?: number;
  /** The key that it begins to fetch. */
  readonly key?: string;
  /** Or the keys that it begins to fetch together. */
  readonly keys?: readonly string[];
  /** What came of the task. */
  readonly report?: Report;
  readonly events?: Parameters<Recording["add"]>[0];
  /** That its clients are closed, after a SIGTERM. */
  readonly closed?: true;
}

/** What came of it. */
export interface Report {
  /** How many callers had which outcome. */
  outcomes: Record<string, number>;
  /** How many callers failed with what. */
  errors: Record<string, number>;
  /** The different values that there were. */
  values: string[];
  /** How many fetches were begun. */
  fetches: number;
  /** How long the last one took, in milliseconds. */
  fetch: number;
  /** How long the slowest caller took, in milliseconds. */
  slowest: number;
  /** For how long the process stood still at most, in milliseconds: its machine was busy. */
  late: number;
}

/** Another process that calls the library. */
export interface Caller {
  /** The number under which it records. */
  readonly number: number;
  /** Has it call; `fetching` resolves when it begins to fetch. */
  call(
    task: Omit<Task, "id">,
  ): { readonly report: Promise<Report>; readonly fetching: Promise<void> };
  /** Has it call until it is told to stop, which resolves once its last calls are over. */
  load(load: Load): { readonly stop: () => Promise<void> };
  /** Kills it where it stands. */
  kill(): void;
  /** Has it kill itself where it stands, by a SIGKILL, once all that it has recorded is told. Resolves once it is dead. */
  die(): Promise<void>;
  /** Asks it to end, as a deploy does. Resolves with how long that took it, in milliseconds. */
  terminate(): Promise<number>;
  /** Stops it where it stands, as a long pause of a garbage collector or a laptop that is closed does. */
  pause(): void;
  /** Lets it go on. */
  resume(): void;
  /**
   * Tells it that there is no more to do, and resolves with how long it took to end, in milliseconds. Rejects if it has
   * failed, by an error of the library that tells a secret, say.
   */
  end(): Promise<number>;
}

/** What the processes are over. */
export interface Backend {
  /** The module of `tests/adapters/` that opens its clients: `redis/connection`. */
  readonly connection: string;
  readonly place: Place;
  /** By how many milliseconds the processes' wall clocks are wrong. */
  readonly skew?: number | undefined;
  /** Whether those who wait can find a leader dead before its lease ends, where the backend allows it; true by default. */
  readonly announced?: boolean | undefined;
  /** Whether they are all of this runtime, as another may not have what it takes; false by default. */
  readonly own?: boolean | undefined;
}

/** What a process is started with. */
export interface Assignment extends Backend {
  /** The number under which it records. */
  readonly number: number;
}

/**
 * Starts processes over one backend: of Deno and of Node in turns, where the suite is run with both. What they do and what
 * is done to them is in the recording.
 */
export async function startCallers(
  count: number,
  backend: Backend,
  recording: Recording,
): Promise<Caller[]> {
  const commands = commandsOfCallers(backend);
  const started = await Promise.allSettled(
    Array.from(
      { length: count },
      (_, index) => startCaller(commands[index % commands.length]!, backend, recording),
    ),
  );
  const callers = started.flatMap((each) => each.status === "fulfilled" ? [each.value] : []);
  const missing = started.find((each) => each.status === "rejected");
  if (missing === undefined) return callers;
  await Promise.all(callers.map((caller) => caller.end()));
  throw missing.reason;
}

function commandsOfCallers({ own = false }: Backend): string[][] {
  const given = variable("CALLERS");
  if (given !== undefined && !own) return JSON.parse(given);
  const isSource = import.meta.url.endsWith(".ts");
  const program = fileURLToPath(new URL(isSource ? "caller.ts" : "caller.js", import.meta.url));
  return [[process.execPath, ...isSource ? ["run", "-A", "--no-check"] : [], program]];
}

/** How many fetches of which key have begun, in all processes. */
const begun = new Map<string, number>();

/** How many fetches of a key have begun, in all processes. */
export function fetchesOf(key: string): number {
  return begun.get(key) ?? 0;
}

async function startCaller(
  command: readonly string[],
  backend: Backend,
  recording: Recording,
): Promise<Caller> {
  const number = recording.newProcess();
  const assignment: Assignment = { ...backend, number };
  const worker = startWorker<Partial<Message>, Told>(command, assignment);
  const { pid, send, next } = worker;
  const tasks = new Map<number, { begin?: () => void; done: (report: Report) => void }>();
  await next();
  const listen = async (): Promise<never> => {
    while (true) {
      const { id, key, keys, report, events, closed } = await next();
      if (closed) worker.end().catch(() => {});
      if (events !== undefined) recording.add(events);
      if (key !== undefined) {
        begun.set(key, (begun.get(key) ?? 0) + 1);
        send({ id: id!, number: begun.get(key)! });
        tasks.get(id!)?.begin?.();
      }
      for (const each of keys ?? []) begun.set(each, (begun.get(each) ?? 0) + 1);
      if (keys !== undefined) tasks.get(id!)?.begin?.();
      if (report !== undefined) tasks.get(id!)?.done(report);
    }
  };
  const over = listen();
  over.catch(() => {});
  /** What is waited for, unless the process ends before. Nobody has to ask for what became of one that was killed. */
  const unlessOver = <A>(wait: (resolve: (value: A) => void) => void) => {
    const waited = Promise.race([new Promise<A>(wait), over]);
    waited.catch(() => {});
    return waited;
  };
  let tasksGiven = 0;
  // Deno's `child.kill` works once.
  const signal = (name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT") => process.kill(pid, name);
  const timed = async (end: () => Promise<void>) => {
    const began = performance.now();
    const killer = setTimeout(() => signal("SIGKILL"), 15_000);
    await end().finally(() => clearTimeout(killer));
    return performance.now() - began;
  };
  const note = (type: "crash" | "pause" | "resume") => recording.recorder.note(number, { type });
  return {
    number,
    call(task) {
      const id = tasksGiven++;
      let begin!: () => void;
      let done!: (report: Report) => void;
      const fetching = unlessOver<void>((resolve) => begin = resolve);
      const report = unlessOver<Report>((resolve) => done = resolve);
      tasks.set(id, { begin, done });
      send({ ...task, id });
      return { fetching, report };
    },
    load(load) {
      const id = tasksGiven++;
      const stopped = unlessOver<void>((resolve) => tasks.set(id, { done: () => resolve() }));
      send({ id, load });
      return {
        stop() {
          send({ id, stop: true });
          return stopped;
        },
      };
    },
    kill() {
      signal("SIGKILL");
      note("crash");
    },
    die() {
      send({ die: true });
      return over.catch(() => {});
    },
    pause() {
      note("pause");
      signal("SIGSTOP");
    },
    resume() {
      signal("SIGCONT");
      note("resume");
    },
    end: () => timed(() => worker.end()),
    terminate: () =>
      timed(() => {
        signal("SIGTERM");
        return worker.ended();
      }),
  };
}
