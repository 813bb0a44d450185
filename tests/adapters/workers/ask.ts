import assert from "node:assert/strict";
import { skipWithout, variable } from "../../support/address.ts";

/** Why there is no Worker to ask, if there is none. */
export const skip: string | false = skipWithout("WORKERS_URL");

// On a connection of its own: workerd closes those that are kept, just as the next request goes out, too.
const init = { headers: { connection: "close" } };

/** Asks the Worker for a page; once more where workerd has closed the connection without an answer. */
export async function ask(path: string): Promise<string> {
  const get = () => fetch(`${variable("WORKERS_URL")}/${path}`, init);
  const response = await get().catch(get);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}
