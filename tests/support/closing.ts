import { after } from "node:test";

/** Has what it is given be closed once this file's tests are over, whatever comes of them; and returns it. */
export function closing<A>(close: (each: A) => unknown): <B extends A>(each: B) => B {
  const all: A[] = [];
  after(async () => {
    for (const each of all) await close(each);
  });
  return (each) => (all.push(each), each);
}
