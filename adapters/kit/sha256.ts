/** What runtimes have that know Node's modules; a bundle that imports one fails where there is none. */
interface Host {
  readonly process?: { getBuiltinModule?(name: "node:crypto"): Crypto | undefined };
}

interface Crypto {
  createHash(algorithm: "sha256"): Hash;
}

interface Hash {
  update(text: string): Hash;
  digest(encoding: "hex"): string;
}

const crypto = (globalThis as Host).process?.getBuiltinModule?.("node:crypto");

/**
 * The SHA-256 of the text's UTF-8, in hexadecimal: for names that a backend can't take as they are. By Node's own, where it
 * can be had without an import: it takes a fifth of the time.
 */
export function sha256(text: string): string {
  return crypto === undefined
    ? sha256InScript(text)
    : crypto.createHash("sha256").update(text).digest("hex");
}

/**
 * The same without Node's.
 *
 * @see https://csrc.nist.gov/pubs/fips/180-4/upd1/final
 */
export function sha256InScript(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const message = new Uint8Array(Math.ceil((bytes.length + 9) / 64) * 64);
  message.set(bytes);
  message[bytes.length] = 0x80;
  const padded = new DataView(message.buffer);
  padded.setBigUint64(padded.byteLength - 8, BigInt(bytes.length) * 8n);

  const hash = Uint32Array.from(initial);
  const words = new Int32Array(64);
  for (let block = 0; block < padded.byteLength; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = padded.getUint32(block + 4 * i);
    for (let i = 16; i < 64; i++) {
      const before2 = words[i - 2]!;
      const before15 = words[i - 15]!;
      words[i] = words[i - 16]! + words[i - 7]! +
        (rotate(before15, 7) ^ rotate(before15, 18) ^ before15 >>> 3) +
        (rotate(before2, 17) ^ rotate(before2, 19) ^ before2 >>> 10);
    }
    let [a, b, c, d, e, f, g, h] = hash as unknown as Eight;
    for (let i = 0; i < 64; i++) {
      const one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (e & f ^ ~e & g) +
          constants[i]! + words[i]! | 0;
      const two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (a & b ^ a & c ^ b & c) | 0;
      // One by one: an array of eight for each round took most of the time of a long text.
      h = g;
      g = f;
      f = e;
      e = d + one | 0;
      d = c;
      c = b;
      b = a;
      a = one + two | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, i) => hash[i]! += word);
  }
  return Array.from(hash, (word) => word.toString(16).padStart(8, "0")).join("");
}

type Eight = [number, number, number, number, number, number, number, number];

function rotate(word: number, bits: number): number {
  return word >>> bits | word << 32 - bits;
}

const primes = [2];
for (let n = 3; primes.length < 64; n += 2) if (primes.every((prime) => n % prime)) primes.push(n);

/** The first 32 bits of the fraction of a root. */
const fraction = (root: number) => root % 1 * 2 ** 32;
const initial = primes.slice(0, 8).map((prime) => fraction(Math.sqrt(prime)));
const constants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
