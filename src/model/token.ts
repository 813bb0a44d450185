/** How many tokens are drawn at once: a draw takes longer than all that is made of it. */
const BATCH = 256;

const random = new Uint8Array(16 * BATCH);
let used = random.length;

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/**
 * A random UUID, which nobody can guess. Where the platform has no global `crypto`, as Node 18, it is the one in the
 * [URL of a blob](https://w3c.github.io/FileAPI/#unicodeBlobURL).
 */
export function randomToken(): string {
  const { crypto } = globalThis as { readonly crypto?: Pick<Crypto, "getRandomValues"> };
  if (crypto === undefined) return uuidOfBlob();
  if (used === random.length) {
    crypto.getRandomValues(random);
    used = 0;
  }
  const at = used;
  used += 16;
  const byte = (index: number) => hex[random[at + index]!]!;
  // Version 4, variant 1.
  random[at + 6] = random[at + 6]! & 0x0f | 0x40;
  random[at + 8] = random[at + 8]! & 0x3f | 0x80;
  return byte(0) + byte(1) + byte(2) + byte(3) + "-" + byte(4) + byte(5) + "-" + byte(6) + byte(7) +
    "-" + byte(8) + byte(9) + "-" + byte(10) + byte(11) + byte(12) + byte(13) + byte(14) + byte(15);
}

function uuidOfBlob(): string {
  const url = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(url);
  return url.slice(-36);
}
