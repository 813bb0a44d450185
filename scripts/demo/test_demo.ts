import { run } from "../../tests/support/command.ts";
import { deno, root } from "../project.ts";
import { type Result, tally } from "../result.ts";

/** Runs the demo: it draws one fetch of three processes and of one, of a cold and of a stale key, and says in one line that there is no Redis. */
export function testDemo(): Promise<Result> {
  return tally("Demo", async (count) => {
    const demo = (flags: readonly string[], env = {}) =>
      run(deno, ["run", "-qA", `${root}scripts/demo.ts`, ...flags], { env });

    const stale = ["--stale", "--fetch-ms", "500"];
    for (const flags of [[], ["--adapter", "memory"], stale, ["--adapter", "memory", ...stale]]) {
      const { ok, output } = await demo(["--fetch-ms", "100", ...flags]);
      const drawn = ok && output.includes("with cache-locking: 1 fetch") &&
        (!flags.includes("--stale") || /STALE +\d+ /.test(output));
      if (drawn && !/warning/i.test(output)) count.pass();
      else count.fail(output);
    }

    const redis = await demo(["--adapter", "redis"], { PATH: "", REDIS_URL: "" });
    if (!redis.ok && /^Cannot show processes over Redis: .*\n$/.test(redis.output)) count.pass();
    else count.fail(redis.output);
  });
}
