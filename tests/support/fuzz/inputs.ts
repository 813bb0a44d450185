import fc from "fast-check";
import { SECRETS } from "../../conformance/told.ts";
import { shortened } from "../../../adapters/kit/names.ts";

/** Stands in every value that no error may tell. */
export const SECRET: string = SECRETS[0]!;

const awkward = [
  "__proto__",
  "constructor",
  "toString",
  "a}b",
  "a{b",
  "{}a",
  "{}{a}",
  "{a}b",
  "}{",
  ".",
  "..",
  "/",
  "a/../b",
  " ",
  "\0",
  "\r\nflush_all\r\n",
  "' or 1=1 --",
  "$owner",
  "%00",
  "\ufeff",
  "\ufffd",
  "Ǆ",
  "ﬁ",
  "İ",
  `~${"0".repeat(64)}`,
];

/** What some backend is full at: lengths in bytes, and one more. */
const limits = [40, 64, 185, 200, 250, 256, 512, 1024, 2048, 2600].flatMap((most) => [
  most,
  most + 1,
]);

/** Keys of any kind. */
export const keys: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...awkward),
  fc.string({ unit: "grapheme", minLength: 1 }),
  fc.string({ unit: "binary", minLength: 1 }),
  fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
  fc.tuple(fc.constantFrom(...limits), fc.constantFrom("a", "é", "😀", "{", "}", "~0", " "))
    .map(([length, text]) => text.repeat(length).slice(0, length)),
);

/** What a careless backend would take for the same key. */
const alike: readonly ((key: string) => string)[] = [
  (key) => key.toUpperCase(),
  (key) => key.toLowerCase(),
  (key) => key.normalize("NFC"),
  (key) => key.normalize("NFD"),
  (key) => key.normalize("NFKC"),
  (key) => key.trim(),
  (key) => `${key} `,
  (key) => `${key}\0`,
  (key) => `${key}:`,
  (key) => `${key}}`,
  (key) => `${key}:000000`,
  (key) => `{${key}}`,
  (key) => `${key}/`,
  (key) => `./${key}`,
  (key) => key.slice(0, -1),
  (key) => `${key}\u0301`,
  (key) => `${key}\u200b`,
  (key) => key.replaceAll("!", "%"),
  (key) => key.replace(/[^!-~]/g, "_"),
  (key) => shortened(key, 0),
  (key) => shortened(shortened(key, 0), 0),
];

/** Two keys that are not the same, and look so. */
export const twoKeys: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(keys, fc.constantFrom(...alike)).map(([key, change]) => [key, change(key)] as const),
  // Alike in all but the end, where names are cut off.
  fc.tuple(keys, fc.constantFrom(...limits))
    .map(([key, length]) =>
      [`${key.padEnd(length, "x")}a`, `${key.padEnd(length, "x")}b`] as const
    ),
  fc.tuple(keys, keys),
).filter(([one, two]) => one !== two && two !== "");

/** Values that JSON keeps, and `undefined`. */
export const values: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 9, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  {
    weight: 3,
    arbitrary: fc.dictionary(fc.constantFrom("__proto__", "toJSON", "value", ""), fc.jsonValue()),
  },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

function cyclic(): unknown {
  const value: Record<string, unknown> = { [SECRET]: SECRET };
  value.itself = value;
  return value;
}

/** What makes values that JSON can't keep. */
export const unstorable: fc.Arbitrary<() => unknown> = fc.constantFrom<(() => unknown)[]>(
  cyclic,
  () => ({ [SECRET]: 1n }),
  () => Symbol(SECRET),
  () => () => SECRET,
  () => ({
    [SECRET]: SECRET,
    toJSON() {
      throw new Error("no JSON");
    },
  }),
  () => ({
    [SECRET]: SECRET,
    get value() {
      throw "no value";
    },
  }),
  revoked,
);

/** An object that throws whatever is done to it. */
export function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Bytes that somebody else may have written, few of which are JSON. */
export const foreignBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 64 }),
  fc.uint8Array({ maxLength: 16 }).map((bytes) =>
    Uint8Array.from([...new TextEncoder().encode(`{"${SECRET}":`), ...bytes])
  ),
  fc.jsonValue().map((value) => new TextEncoder().encode(JSON.stringify(value))),
);

const nothing = () => {};

/** What looks like a signal, a store, halves, a codec or a hook, and is none. */
const lookalikes: readonly object[] = [
  { aborted: false, addEventListener: 1 },
  { aborted: 0, addEventListener: nothing },
  { acquire: nothing, fill: nothing },
  { acquire: nothing, release: nothing },
  { cache: { get: nothing, set: nothing } },
  { cache: { get: nothing, set: nothing }, leases: { acquire: nothing, release: 1 } },
  { encode: nothing, decode: 1 },
  { encode: 1, decode: nothing },
  { onHit: 1 },
  { onError: "log" },
  { type: "memory", options: null },
  { type: "redis", options: { client: nothing } },
  { type: {} },
];

/** Whatever a caller without types may pass, functions too. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 2,
  }),
  fc.constantFrom<unknown>(
    null,
    Symbol("option"),
    "",
    "\ud800",
    "\0",
    "-1 second",
    NaN,
    -0,
    5e-324,
    1e300,
    -1n,
    [],
    [-1, 0],
  ),
  fc.constantFrom<unknown>(...lookalikes),
  fc.func(fc.anything()),
);
