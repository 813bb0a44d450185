import assert from "node:assert/strict";
import { skipWithout, variable } from "../../support/address.ts";

/** Why there is no Worker to ask, if there is none. */
export const skip: string | false = skipWithout("WORKERS_URL");

// On a connection of its own: workerd closes those that are kept, just as the next request goes out, too.
const init = { headers: { connection: "close" } };

/** Asks the Worker for a page. */
export async function ask(path: string): Promise<string> {
  const response = await fetch(`${variable("WORKERS_URL")}/${path}`, init);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return text;
}
