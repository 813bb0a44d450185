/** A random text that no other has: Node 18 has no global `crypto`, and pages that aren't secure no `randomUUID`. */
export function randomToken(): string {
  const { crypto } = globalThis as { readonly crypto?: { randomUUID?(): string } };
  return crypto?.randomUUID?.() ??
    Array.from({ length: 4 }, () => Math.random().toString(36).slice(2)).join("");
}
