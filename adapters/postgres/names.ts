import { bytesOf } from "../kit/data.ts";
import { isWellFormed } from "../kit/keys.ts";
import { makeNames } from "../kit/names.ts";
import { checkOption } from "../kit/options.ts";

/** What an index takes is 2,704 bytes, and what a notification takes 8,000. */
const LONGEST_NAME = 2600;

/** Makes the names of keys in a table. Throws a `TypeError` for a prefix that can't be used. */
export function keyNames(prefix: string | undefined): (key: string) => string {
  return makeNames({
    prefix,
    longest: LONGEST_NAME,
    must: { rule: "not have a NUL", keeps: (text) => !text.includes("\0") },
  });
}

/** Postgres cuts off the rest of a longer one. */
const LONGEST_IDENTIFIER = 63;

function isIdentifier(name: string): boolean {
  return bytesOf(name).length <= LONGEST_IDENTIFIER;
}

/** The table of an option, in quotes. Throws a `TypeError` for a name that can't be used. */
export function quotedTable(table: string): string {
  const names = typeof table === "string" ? table.split(".") : [];
  const isTable = names.length >= 1 && names.length <= 2 &&
    names.every((name) =>
      name !== "" && isWellFormed(name) && !name.includes("\0") && isIdentifier(name)
    );
  const must = `\`table\` or \`schema.table\`, each of at most ${LONGEST_IDENTIFIER} bytes`;
  checkOption("table", isTable, must, table);
  return names.map((name) => `"${name.replaceAll('"', '""')}"`).join(".");
}

/** The channel of a table. Tables whose names are too long for one share it, which wakes some followers without a result. */
export function channelOf(table: string): string {
  const channel = `cache_locking ${table}`;
  return isIdentifier(channel) ? channel : "cache_locking";
}
