/** What runs in a program of its own, on any runtime: `program.ts <job> <its arguments as JSON>`; the result is the last line. */
import process from "node:process";
import { answer, beginning } from "../../tests/support/worker.ts";

/** The jobs, each loaded when it is asked for. */
export const jobs = {
  time: async (job: import("./time.ts").TimeJob) => (await import("./time.ts")).time(job),
  bytes: async (job: import("./bytes.ts").BytesJob) => (await import("./bytes.ts")).bytes(job),
  backend: async (job: import("./backend.ts").BackendJob) =>
    (await import("./backend.ts")).benchBackend(job),
  herds: async (job: import("./herd_process.ts").HerdsJob) =>
    (await import("./herd_process.ts")).runHerds(job),
  steady: async (job: import("./herd_process.ts").HerdsJob) =>
    (await import("./steady_process.ts")).runSteady(job),
  l1: async (job: import("./l1_process.ts").L1Job) => (await import("./l1_process.ts")).runL1(job),
};

const run = jobs[process.argv[2] as keyof typeof jobs] as (input: unknown) => Promise<unknown>;
answer(await run(beginning()) ?? null);
process.exit();
