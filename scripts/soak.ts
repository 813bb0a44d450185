/**
 * Lets traffic of every kind go on for a while, in memory, over Redis and over Postgres at once, and looks whether
 * anything grows: `deno task soak --minutes 3`, or `--quick`; `deno task soak redis` has one of them alone. `--leak` loses
 * something of each kind on purpose, which must be found.
 */
import type { Description, Running } from "../tests/servers/description.ts";
import { postgres } from "../tests/servers/postgres.ts";
import { redis } from "../tests/servers/redis.ts";
import { orExit, readArguments, wholeNumber } from "./arguments.ts";
import { deno, importFlags } from "./project.ts";
import { report, type Result, tally } from "./result.ts";
import { must } from "../tests/support/command.ts";
import { growthOf, isReal } from "./soak/growth.ts";
import type { Findings, Orders } from "./soak/process.ts";

const program = new URL("./soak/process.ts", import.meta.url).pathname;

/** Soaks one backend, on a server of its own. */
function soak(
  backend: string,
  { start }: Pick<Description, "start">,
  length: Pick<Orders, "seconds" | "leak">,
): Promise<Result> {
  return tally(`${backend}, ${length.seconds} s`, async (count) => {
    const { url, version, stop } = await start();
    try {
      const orders: Orders = { backend, url, ...length };
      const { samples, tally } = await findings(orders);
      const calls = Object.values(tally).reduce((sum, calls) => sum + calls, 0);
      count.note(`${version}: ${calls} calls, ${JSON.stringify(tally)}`);
      for (const name of Object.keys(samples[0]!)) {
        const series = samples.map((sample) => sample[name]!);
        const growth = growthOf(series);
        const figures =
          `${name}: first ${series[0]}, last ${series.at(-1)}, mean of the second half ` +
          `${round(growth.mean)}, which grows by ${round(growth.growth)} ± ${round(growth.error)}`;
        if (isReal(growth)) {
          count.fail(`GROWS ${figures}`);
        } else {
          count.pass();
          count.note(figures);
        }
      }
    } finally {
      await stop();
    }
  });
}

async function findings(orders: Orders): Promise<Findings> {
  const flags = ["run", "-A", "--no-check", "--v8-flags=--expose-gc", ...importFlags(4)];
  const output = await must(deno, [...flags, program, JSON.stringify(orders)], {
    timeout: (orders.seconds + 60) * 1000,
  });
  return JSON.parse(output.trim().split("\n").at(-1)!);
}

function round(figure: number): string {
  return figure.toFixed(1);
}

const here: Running = { version: "this process", url: "", stop: () => Promise.resolve() };
const memory = { start: () => Promise.resolve(here) };

const { values: { minutes, quick, leak }, rest: names } = readArguments({
  name: "soak",
  does:
    "Has traffic for a while, in memory, over Redis and over Postgres, and fails if anything grows.",
  rest: { value: "BACKEND", help: "memory, redis or postgres; all by default" },
  options: {
    minutes: { type: "string", value: "N", default: "3", help: "how long" },
    quick: { type: "boolean", help: "half a minute: a look, not a measurement" },
    leak: { type: "boolean", help: "lose something of each kind on purpose, which must be found" },
  },
});
const seconds = quick ? 30 : orExit(() => wholeNumber("--minutes", minutes, 1, 1440)) * 60;
const length = { seconds, leak };
const chosen = Object.entries({ memory, redis, postgres })
  .filter(([backend]) => names.length === 0 || names.includes(backend));
console.log(`Has traffic for ${seconds} s: ${chosen.map(([backend]) => backend).join(", ")}`);
report(await Promise.all(chosen.map(([backend, of]) => soak(backend, of, length))));
