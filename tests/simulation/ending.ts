import { isCacheLockingError } from "../../mod.ts";
import type { Ending } from "./history.ts";

interface Reason {
  readonly _tag: string;
  readonly error?: unknown;
  readonly left?: Reason;
  readonly right?: Reason;
  readonly reasons?: readonly Reason[];
}

/** Effect 3's causes are trees, Effect 4's are lists. */
function reasonsOf(cause: Reason): Reason[] {
  if (cause.reasons !== undefined) return cause.reasons.flatMap(reasonsOf);
  return cause.left === undefined
    ? [cause]
    : [...reasonsOf(cause.left), ...reasonsOf(cause.right!)];
}

/** How a call ended that got no value; `mine` is what its own fetcher and hooks fail with. */
export function endingOf(cause: unknown, mine: { readonly call: number }): Ending {
  const reasons = reasonsOf(cause as Reason);
  const failure = reasons.find(({ _tag }) => _tag === "Fail");
  if (failure !== undefined) {
    const { error } = failure;
    if (isCacheLockingError(error)) return { type: "error", tag: error._tag, own: false };
    // Effect 3 wraps errors that are objects.
    const { _tag = String(error), call } = error as { _tag?: string; call?: number };
    return { type: "error", tag: _tag, own: call === mine.call, of: call };
  }
  return reasons.some(({ _tag }) => _tag === "Die")
    ? { type: "died", cause: JSON.stringify(reasons) }
    : { type: "interrupted" };
}
