/** A piece of work; it gets the number of the lane that it runs in, from zero. */
export type Work<A> = (lane: number) => Promise<A>;

/** Runs `most` pieces of work at a time, one in each lane, and resolves with their results in their order. */
export async function atOnce<A>(most: number, work: readonly Work<A>[]): Promise<A[]> {
  const results: A[] = [];
  const waiting = [...work.entries()];
  await Promise.all(Array.from({ length: most }, async (_, lane) => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, run] = next;
      results[index] = await run(lane);
    }
  }));
  return results;
}
