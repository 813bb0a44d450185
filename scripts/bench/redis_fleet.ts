import type { Share, Task } from "./herd_process.ts";
import type { Runtime } from "./runtime.ts";

/** Processes over one Redis that wait to be told what to do. */
export interface Fleet {
  /** Has the first `processes` do it all at the same time. */
  readonly run: (processes: number, task: Omit<Task, "begins">) => Promise<Share[]>;
  readonly stop: () => Promise<void>;
}

/** Time for all processes to hear of a task, in milliseconds. */
const NOTICE = 200;

/** Starts processes, each with clients of its own. */
export async function startFleet(size: number, runtime: Runtime, url: string): Promise<Fleet> {
  const programs = Array.from({ length: size }, () => runtime.start<Task, Share>("herds", { url }));
  await Promise.all(programs.map(({ next }) => next()));
  return {
    run: (count, task) =>
      Promise.all(
        programs.slice(0, count).map(({ send, next }) => {
          send({ ...task, begins: Date.now() + NOTICE });
          return next();
        }),
      ),
    stop: async () => void await Promise.all(programs.map(({ end }) => end())),
  };
}
