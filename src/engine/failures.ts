import { causeKind } from "../effect/cause.ts";
import * as Cause from "effect/Cause";
import { isCacheLockingError } from "../model/errors.ts";
import type { Settings } from "./call.ts";

/** How many bytes of an encoded failure are shared at most. */
const MOST_BYTES = 8 * 1024;

/** What a failed fetch tells other processes; undefined for what isn't shared: a defect, a failure too long, and the like. */
export function payloadOf(
  { failures }: Settings,
  cause: Cause.Cause<unknown>,
): string | undefined {
  if (failures === undefined || causeKind(cause) !== "Fail") return undefined;
  const error = Cause.squash(cause);
  // What the library says of a fetch isn't the source's own.
  if (isCacheLockingError(error)) return undefined;
  try {
    if (failures.when?.(error) === false) return undefined;
    const encoded = failures.codec.encode(error);
    const bytes = typeof encoded === "string" ? new TextEncoder().encode(encoded) : encoded;
    return bytes.length > MOST_BYTES ? undefined : btoa(String.fromCharCode(...bytes));
  } catch {
    return undefined;
  }
}

/** The failure that a payload tells; undefined if it can't be read. */
export function failureIn(
  { failures }: Settings,
  payload: string | undefined,
): { readonly error: unknown } | undefined {
  if (failures === undefined || payload === undefined) return undefined;
  try {
    const bytes = Uint8Array.from(atob(payload), (char) => char.charCodeAt(0));
    return { error: failures.codec.decode(bytes) };
  } catch {
    return undefined;
  }
}

/** Whether two calls share their failures in the same way, so that one's are also the other's. */
export function shareFailures(one: Settings, other: Settings): boolean {
  return one.failures !== undefined && one.failures.codec === other.failures?.codec; // mutate: same failures
}
