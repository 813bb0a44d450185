import { run } from "../../tests/support/command.ts";
import { deno, root } from "../project.ts";
import { type Result, tally } from "../result.ts";

/** Runs the demo: it draws one fetch of three processes and of one, and says in one line that there is no Redis. */
export function testDemo(): Promise<Result> {
  return tally("Demo", async (count) => {
    const demo = (flags: readonly string[], env = {}) =>
      run(deno, ["run", "-qA", `${root}scripts/demo.ts`, ...flags], { env });

    for (const flags of [[], ["--adapter", "memory"]]) {
      const { ok, output } = await demo(["--fetch-ms", "100", ...flags]);
      const drawn = ok && output.includes("with cache-locking: 1 fetch");
      if (drawn && !/warning/i.test(output)) count.pass();
      else count.fail(output);
    }

    const redis = await demo(["--adapter", "redis"], { PATH: "", REDIS_URL: "" });
    if (!redis.ok && /^Cannot show processes over Redis: .*\n$/.test(redis.output)) count.pass();
    else count.fail(redis.output);
  });
}
