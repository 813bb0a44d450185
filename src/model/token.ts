/** How many tokens are drawn at once: a draw takes longer than all that is made of it. */
const BATCH = 256;

const random = new Uint8Array(16 * BATCH);
let used = random.length;

/** The characters of a token. Only the digits change. */
const characters = codesOf("00000000-0000-0000-0000-000000000000");
const digits = codesOf("0123456789abcdef");
const places = [...characters.keys()].filter((index) => characters[index] === digits[0]);

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
  // Version 4, variant 1.
  random[used + 6] = random[used + 6]! & 0x0f | 0x40;
  random[used + 8] = random[used + 8]! & 0x3f | 0x80;
  for (let index = 0; index < places.length; index += 2) {
    const byte = random[used++]!;
    characters[places[index]!] = digits[byte >> 4]!;
    characters[places[index + 1]!] = digits[byte & 0x0f]!;
  }
  return String.fromCharCode(...characters);
}

function codesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function uuidOfBlob(): string {
  const url = URL.createObjectURL(new Blob());
  URL.revokeObjectURL(url);
  return url.slice(-36);
}
