import { randomToken } from "../../src/model/token.ts";
import type { RememberedOutcome } from "./backend.ts";
import { sha256 } from "./sha256.ts";

/** The longest name of a file, and of those that a server of files keeps beside it. */
const LONGEST = 200;

/**
 * The name of a key's object: letters, digits and `-_.:` stand for themselves, all else as `!` and the hexadecimal digits
 * of its UTF-8. One that is too long is cut off, and ends with the hash of its key.
 */
export function objectName(prefix: string, key: string): string {
  const whole = key.length > LONGEST ? undefined : escaped(key);
  if (whole !== undefined && whole.length <= LONGEST) return prefix + whole;
  // Whole characters: half of one can't be escaped. No escaped name has a `~`.
  const beginning = Array.from(key.slice(0, 80)).slice(0, 40).join("");
  return `${prefix}${escaped(beginning).slice(0, 40)}~${sha256(key)}`;
}

function escaped(key: string): string {
  return encodeURIComponent(key)
    .replace(/[!~*'()]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    // No folder of a file system is called so.
    .replace(/^\.+$/, (dots) => "%2E".repeat(dots.length))
    .replaceAll("%3A", ":")
    .replaceAll("%", "!");
}

/** How an entry is kept, beside its value. Times are milliseconds. */
interface Kept {
  /** The owner that filled it. */
  readonly by?: string | undefined;
  /** For how long it is fresh; without it, for good. */
  readonly ttl?: number | undefined;
  /** For how long it is stale then. */
  readonly staleFor?: number | undefined;
  /** How long its fetch took. */
  readonly took?: number | undefined;
}

/** The value in an object. */
export interface EntryBody extends Kept {
  readonly kind: "entry";
  /** When it was written, by the server's clock as its writer knew it: epoch milliseconds. */
  readonly at: number;
  /** The value, as the codec has it. */
  readonly data: Uint8Array;
}

/** The entry beside a lease. */
export interface OldEntry extends Kept {
  /** How old it was when the lease was written. */
  readonly age: number;
}

/** A lease in an object. */
export interface LeaseBody {
  readonly kind: "lease";
  /** Its owner; undefined if it has ended. */
  readonly owner?: string | undefined;
  /** Its time to live, or that of the memory of its end, in milliseconds. */
  readonly ttl: number;
  /** How many fetches have failed in a row. */
  readonly failures?: number | undefined;
  /** For how long nobody is to fetch, after a lease that has ended. */
  readonly quietFor?: number | undefined;
  /** The entry that is there nevertheless, whose value is `data`. */
  readonly entry?: OldEntry | undefined;
  readonly data?: Uint8Array | undefined;
  /** As {@linkcode EntryBody.at}. */
  readonly at: number;
  /** The last lease that ended failed or uncached. */
  readonly last?: { readonly lease: string; readonly outcome: RememberedOutcome } | undefined;
}

const FORMAT = "cache-locking/1 ";
const LINE_END = 10;
const utf8 = new TextEncoder();

/**
 * Writes an object's bytes: one line that says what it is, then the value. No two are the same, whatever they hold, so
 * that an ETag that is a hash of the bytes names one write.
 */
export function toBytes(body: EntryBody | LeaseBody): Uint8Array {
  const { data = new Uint8Array(), ...head } = body;
  const line = utf8.encode(`${FORMAT}${JSON.stringify({ ...head, nonce: randomToken() })}\n`);
  const bytes = new Uint8Array(line.length + data.length);
  bytes.set(line);
  bytes.set(data, line.length);
  return bytes;
}

/** Reads an object's bytes; undefined if this library can't have written them. */
export function fromBytes(bytes: Uint8Array): EntryBody | LeaseBody | undefined {
  const end = bytes.indexOf(LINE_END);
  const line = new TextDecoder().decode(bytes.subarray(0, Math.max(end, 0)));
  const head = line.startsWith(FORMAT) ? parse(line.slice(FORMAT.length)) : undefined;
  if (!isRecord(head) || typeof head.at !== "number") return undefined;
  const { kind, at, ttl } = head;
  const data = bytes.subarray(end + 1);
  if (kind === "entry") {
    const kept = keptOf(head);
    return kept && { ...kept, kind, at, data };
  }
  if (kind === "lease" && typeof ttl === "number") {
    const owner = textOf(head.owner);
    if (owner !== head.owner) return undefined;
    const lease = { kind, at, ttl, owner, last: endedOf(head.last) } as const;
    const told = { failures: numberOf(head.failures), quietFor: numberOf(head.quietFor) };
    const entry = isRecord(head.entry) ? head.entry : {};
    const kept = keptOf(entry);
    const age = numberOf(entry.age);
    if (kept === undefined || age === undefined) return { ...lease, ...told };
    return { ...lease, ...told, entry: { ...kept, age }, data };
  }
  return undefined;
}

function keptOf(
  { ttl, by, staleFor, took }: Readonly<Record<string, unknown>>,
): Kept | undefined {
  // JSON has `1e400`, which is no number that can be written again.
  if (ttl !== undefined && numberOf(ttl) === undefined) return undefined;
  return { ttl: numberOf(ttl), by: textOf(by), staleFor: numberOf(staleFor), took: numberOf(took) };
}

function endedOf(value: unknown): LeaseBody["last"] {
  if (!isRecord(value)) return undefined;
  const { lease, outcome } = value;
  const isEnd = typeof outcome === "string" && /^(uncached$|failed(:|$))/.test(outcome);
  return typeof lease === "string" && isEnd
    ? { lease, outcome: outcome as RememberedOutcome }
    : undefined;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return Number.isFinite(value) ? value as number : undefined;
}
