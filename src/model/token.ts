/**
 * A random UUID, which nobody can guess. Where the platform has no `crypto.randomUUID`, as Node 18 and pages that aren't
 * secure, it is the one in the [URL of a blob](https://w3c.github.io/FileAPI/#unicodeBlobURL).
 */
export function randomToken(): string {
  const { crypto } = globalThis as { readonly crypto?: { randomUUID?(): string } };
  return crypto?.randomUUID?.() ?? uuidOfBlob();
}

function uuidOfBlob(): string {
  const url = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(url);
  return url.slice(-36);
}
