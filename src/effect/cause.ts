import type * as Cause from "effect/Cause";

// Effect 3's causes are trees, Effect 4's are lists of reasons; their tags are the same.
type CauseNode =
  | { readonly reasons: ReadonlyArray<CauseNode> }
  | {
    readonly _tag: "Sequential" | "Parallel";
    readonly left: CauseNode;
    readonly right: CauseNode;
  }
  | { readonly _tag: "Fail" | "Die" | "Interrupt" | "Empty" };

/** What a cause is in the first place: a typed failure, something thrown, or nothing but an interruption. */
export function causeKind(cause: Cause.Cause<unknown>): "Fail" | "Die" | "Interrupt" {
  const tags = new Set(reasons(cause as unknown as CauseNode));
  return tags.has("Fail") ? "Fail" : tags.has("Die") ? "Die" : "Interrupt";
}

function reasons(node: CauseNode): string[] {
  if ("reasons" in node) return node.reasons.flatMap(reasons);
  return "left" in node ? [...reasons(node.left), ...reasons(node.right)] : [node._tag];
}
