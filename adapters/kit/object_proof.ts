import type { Target } from "./backend.ts";
import { toBytes } from "./object_format.ts";
import type { Objects } from "./objects.ts";
import { Refusal } from "./refusal.ts";

/** Whether a server heeds the conditions of writes, as far as that is known. */
export interface ObjectProof {
  /** Throws where it is known that the server ignores them. */
  check(): void;
  /**
   * Finds out by the first lease, which the target's object holds: two writes that must be refused may not be made. Throws
   * where they are, once `forget` was called and the object removed.
   */
  prove(target: Target, forget: () => void): Promise<void>;
}

/** An ETag that no object has. */
const NO_ETAG = '"00000000000000000000000000000000"';

/** Makes the proof of one store. */
export function makeObjectProof(objects: Objects): ObjectProof {
  let conditional: Objects["conditional"] | "ignored" = objects.conditional;
  const ignored = () =>
    new Refusal(
      "the server ignores the conditions of writes, so it can't hold a lease",
    );
  return {
    check() {
      if (conditional === "ignored") throw ignored();
    },
    async prove({ name, signal }, forget) {
      if (conditional === "known") return;
      // It holds no lease, in case somebody has just deleted the object and the write on nothing is made.
      const body = toBytes({ kind: "lease", ttl: 0, at: objects.now() });
      const write = (over: string | null) => objects.put(name, body, { over, signal: signal() });
      const made = await Promise.all([write(NO_ETAG), write(null)]);
      if (made[0] === undefined && (made[1] === undefined || await write(null) === undefined)) {
        conditional = "known";
        return;
      }
      conditional = "ignored";
      forget();
      await objects.delete(name, signal());
      throw ignored();
    },
  };
}
