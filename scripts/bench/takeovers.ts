import process from "node:process";
import { type Backend, type Caller, startCallers } from "../../tests/support/callers.ts";
import { CALLERS, LEASE, LED, type Round, round } from "../../tests/support/dead_leader.ts";
import { medianOf } from "../../tests/support/percentile.ts";
import { startRecording } from "../../tests/support/recording.ts";
import { postgresFamily } from "../compatibility/postgres.ts";
import { redisFamily } from "../compatibility/redis.ts";
import type { Started } from "../compatibility/row.ts";
import { whole } from "../table.ts";
import { formatRatio } from "./goals.ts";
import { versionOf } from "./machine.ts";
import type { Goal, Measured, Takeovers } from "./measured.ts";
import type { Runtime } from "./runtime.ts";

/** A server, and a client of it. */
interface Target {
  /** The server's name; that of a row of `deno task compatibility`, too. */
  readonly server: string;
  /** The client's package. */
  readonly client: string;
  readonly start: () => Promise<Started>;
  readonly connection: string;
  readonly place?: Readonly<Record<string, unknown>>;
}

const startOf = (wanted: string): Target["start"] => {
  const rows = [...redisFamily.rows, ...postgresFamily.rows];
  const row = rows.find(({ name }) => name === wanted);
  if (row === undefined || !("start" in row)) throw new Error(`Cannot find the row "${wanted}"`);
  return row.start;
};
const target = (server: string, client: string, place = {}): Target => ({
  server,
  client,
  start: startOf(server),
  connection: server === "PostgreSQL" ? "postgres/connection" : "redis/connection",
  place,
});

const targets = [
  target("Redis", "ioredis"),
  target("Redis, cluster of three", "ioredis", { cluster: true }),
  target("Redis behind Sentinel", "ioredis"),
  target("Valkey", "ioredis"),
  target("PostgreSQL", "postgres"),
  target("PostgreSQL", "pg", { library: "pg" }),
];

/** How many herds go on beside each other: they mostly wait. */
const LANES = 4;
/** How many rounds the lease's end decides. */
const UNANNOUNCED = 3;

/** What is demanded of each, in milliseconds, and how many times as soon as the lease's end. */
const demanded = { median: 1300, longest: 1700, ratio: 20 };

/** The same in words. */
export const takeoverGoals = `one takeover a round, within ${
  whole(demanded.longest)
} ms and by the median ${
  whole(demanded.median)
} ms, ${demanded.ratio} times as soon as by the lease's end`;

/** How soon a leader is replaced that is killed, and how soon if the lease's end decides. */
export async function benchTakeovers(
  { runtime, turns, only }: {
    readonly runtime: Runtime;
    /** How often each of the herds has its leader killed. */
    readonly turns: number;
    readonly only: RegExp;
  },
): Promise<Measured> {
  process.env["CALLERS"] = JSON.stringify([runtime.caller]);
  const takeovers: Takeovers[] = [];
  const servers: string[] = [];
  for (const target of targets.filter(({ server, client }) => only.test(`${server}, ${client}`))) {
    const { url, place, version, stop } = await target.start();
    const server = target.server.replace(/^\w+/, (name) => `${name} ${version}`);
    servers.push(server);
    const backend = {
      connection: target.connection,
      place: { url, ...target.place, ...place },
    };
    try {
      // No process starts while another leads or is replaced: a busy machine announces a leader later.
      let started!: () => void;
      const waiting = new Promise<void>((resolve) => started = resolve);
      const [rounds, unannounced] = await Promise.all([
        waiting.then(() => roundsOver(backend, LANES, turns)),
        roundsOver({ ...backend, announced: false }, UNANNOUNCED, 1, started),
      ]);
      takeovers.push({
        server,
        client: `${target.client} ${versionOf(target.client)}`,
        processes: 3,
        callers: CALLERS,
        lease: LEASE,
        led: LED,
        rounds: rounds.length,
        single: rounds.filter(isSingle).length,
        median: medianOf(rounds.map(tookOf)),
        longest: Math.max(...rounds.map(tookOf)),
        unannounced: {
          rounds: unannounced.length,
          median: medianOf(unannounced.map(tookOf)),
        },
      });
    } finally {
      await stop();
    }
  }
  return { servers: [...new Set(servers)], takeovers, goals: takeovers.flatMap(goalsOf) };
}

/** Several herds beside each other, each with so many leaders, one after the other. */
async function roundsOver(
  backend: Backend,
  lanes: number,
  turns: number,
  started = () => {},
): Promise<Round[]> {
  const start = (count: number) => startCallers(count, backend, startRecording());
  const end = (callers: readonly Caller[]) =>
    Promise.all(callers.map((caller) => caller.end().catch(() => {})));
  const others = await start(2 * lanes);
  const rounds: Round[] = [];
  try {
    for (let turn = 0; turn < turns; turn++) {
      // All at once, for the same reason.
      const leaders = await start(lanes);
      started();
      try {
        rounds.push(
          ...await Promise.all(leaders.map((leader, lane) => {
            const herd = { leader, others: others.slice(2 * lane, 2 * lane + 2) };
            return round(herd, (leader) => leader.kill());
          })),
        );
      } finally {
        await end(leaders);
      }
    }
  } finally {
    await end(others);
  }
  return rounds;
}

const tookOf = ({ took = Infinity }: Round) => took;

function isSingle({ reports }: Round): boolean {
  const values = reports.flatMap(({ values }) => values);
  return reports.reduce((sum, { fetches }) => sum + fetches, 0) === 1 &&
    values.every((value) => value === "second") &&
    reports.every(({ errors }) => Object.keys(errors).length === 0);
}

function goalsOf(takeovers: Takeovers): Goal[] {
  const { server, client, rounds, single, median, longest, unannounced } = takeovers;
  const ratio = unannounced.median / median;
  const goals: readonly (readonly [name: string, met: boolean, found: string])[] = [
    ["one takeover a round", single === rounds, `${single} of ${rounds}`],
    [
      `median ≤ ${whole(demanded.median)} ms`,
      median <= demanded.median,
      `${whole(median)} ms`,
    ],
    [
      `longest ≤ ${whole(demanded.longest)} ms`,
      longest <= demanded.longest,
      `${whole(longest)} ms`,
    ],
    [
      `≥ ${demanded.ratio} × as soon as the lease's end`,
      ratio >= demanded.ratio,
      formatRatio(ratio),
    ],
  ];
  return goals.map(([name, met, found]) => ({
    name: `${server}, ${client}: ${name}`,
    met,
    found,
  }));
}
