/**
 * Judges the adapters on the servers, proxies, clients, runtimes and bundlers that there are, and writes what was seen to
 * docs/compatibility.md: `deno task compatibility`, for all rows or for those whose names match.
 */
import process from "node:process";
import { orExit, readArguments } from "./arguments.ts";
import { bundlesFamily } from "./compatibility/bundles.ts";
import { dynamodbFamily } from "./compatibility/dynamodb.ts";
import { memcachedFamily } from "./compatibility/memcached.ts";
import { mongodbFamily } from "./compatibility/mongodb.ts";
import { writeFamily } from "./compatibility/page.ts";
import { postgresFamily } from "./compatibility/postgres.ts";
import { redisFamily } from "./compatibility/redis.ts";
import type { Family, Row } from "./compatibility/row.ts";
import { type Result, runRow } from "./compatibility/run.ts";
import { runtimesFamily } from "./compatibility/runtimes.ts";
import { s3Family } from "./compatibility/s3.ts";
import { proveJudge } from "./compatibility/teeth.ts";

const families: readonly Family[] = [
  redisFamily,
  postgresFamily,
  mongodbFamily,
  memcachedFamily,
  dynamodbFamily,
  s3Family,
  runtimesFamily,
  bundlesFamily,
];

/** By what a row is chosen: `redis: twemproxy, ioredis@6.0.0`. */
function nameOf(family: Family, { name, client = family.client }: Row): string {
  return `${family.name}: ${name}${client && `, ${client}`}`;
}

if (import.meta.main) {
  const { values, rest } = readArguments({
    name: "compatibility",
    does:
      "Judges the adapters on servers, proxies, clients and runtimes, and writes docs/compatibility.md.\n" +
      "It fetches what it needs, and takes a quarter of a minute for each row.",
    rest: { value: "PATTERN", help: "the rows whose names match one of these; all by default" },
    options: { list: { type: "boolean", help: "print the names of the rows, and do nothing" } },
  });
  const patterns = orExit(() => rest.map((pattern) => new RegExp(pattern, "i")));
  const chosen = families.map((family) => ({
    family,
    rows: family.rows.filter((row) =>
      patterns.length === 0 || patterns.some((pattern) => pattern.test(nameOf(family, row)))
    ),
  })).filter(({ rows }) => rows.length > 0);
  if (values.list) {
    for (const { family, rows } of chosen) rows.forEach((row) => console.log(nameOf(family, row)));
    process.exit();
  }
  const proof = proveJudge();
  proof.catch(() => {});
  for (const { family, rows } of chosen) {
    const results = new Map<Row, Result>();
    for (const row of rows) {
      const result = await runRow(family, row);
      results.set(row, result);
      console.log(`${nameOf(family, row)}: ${result.words}`);
      await proof;
      await writeFamily(family, results);
    }
  }
  // Players that were killed fetch on for a minute.
  process.exit();
}
