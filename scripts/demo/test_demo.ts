import { run } from "../../tests/support/command.ts";
import { deno, root } from "../project.ts";
import { type Result, tally } from "../result.ts";

/** Runs the demo: it draws one fetch and warns of nothing, and says in one line that there is no Redis. */
export function testDemo(): Promise<Result> {
  return tally("Demo", async (count) => {
    const demo = (flags: readonly string[], env = {}) =>
      run(deno, ["run", "-qA", `${root}scripts/demo.ts`, ...flags], { env });

    const memory = await demo(["--fetch-ms", "100"]);
    const drawn = memory.ok && memory.output.includes("with cache-locking: 1 fetch");
    if (drawn && !/warning/i.test(memory.output)) count.pass();
    else count.fail(memory.output);

    const redis = await demo(["--adapter", "redis"], { PATH: "", REDIS_URL: "" });
    if (!redis.ok && /^Cannot show processes over Redis: .*\n$/.test(redis.output)) count.pass();
    else count.fail(redis.output);
  });
}
