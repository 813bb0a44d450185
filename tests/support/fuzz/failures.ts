import { Effect } from "effect";
import { AdapterError } from "../../../src/model/errors.ts";
import { SECRET } from "./inputs.ts";

/** A way in which a call fails. */
export interface Failure {
  readonly name: string;
  readonly fetcher: (context: { readonly key: string }) => unknown;
  /** Options of the call. */
  readonly options?: object;
  /** What its error names in place of the key. */
  readonly blames?: string;
  /** When its callers leave, if they do: before it begins, or before the fetch ends. */
  readonly leaves?: "before" | "meanwhile";
}

/** The error of a caller's own code, which comes back as it was thrown. */
export const ownError = new Error(SECRET);
const bug = (): never => {
  throw ownError;
};
const fetched = () => Effect.succeed(SECRET);

/** How calls fail: by what they fetch, by what they were told, or because nobody waits for them. */
export const failures: readonly Failure[] = [
  {
    name: "an error of the fetcher's own",
    fetcher: ({ key }) => Effect.fail(new AdapterError("get", key)),
  },
  { name: "a fetcher that throws", fetcher: bug },
  { name: "a fetcher that dies", fetcher: () => Effect.flatMap(Effect.sleep(2), bug) },
  { name: "a fetcher that returns its value", fetcher: () => SECRET },
  { name: "a fetcher that returns a promise", fetcher: () => Promise.resolve(SECRET) },
  { name: "a fetch that nobody waits for", fetcher: () => Effect.never, leaves: "meanwhile" },
  {
    name: "a call that is given up at once",
    fetcher: fetched,
    leaves: "before",
  },
  { name: "a cacheTtl that throws", fetcher: fetched, options: { cacheTtl: bug } },
  {
    name: "a cacheTtl that returns a part of the value",
    fetcher: fetched,
    options: { cacheTtl: (value: unknown) => value },
  },
  { name: "a cacheTtl that says nothing", fetcher: fetched, options: { cacheTtl: () => NaN } },
  { name: "a shouldCache that throws", fetcher: fetched, options: { shouldCache: bug } },
  { name: "a hook that throws", fetcher: fetched, options: { hooks: { onLeader: bug } } },
  {
    name: "a hook that is no Effect",
    fetcher: fetched,
    options: { hooks: { onLeader: () => 1 } },
    blames: "`onLeader`",
  },
];
