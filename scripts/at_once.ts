/** Runs so many at a time, and gives what they give in their order. */
export async function atOnce<A>(most: number, tasks: readonly (() => Promise<A>)[]): Promise<A[]> {
  const results: A[] = [];
  const waiting = [...tasks.entries()];
  await Promise.all(Array.from({ length: most }, async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, task] = next;
      results[index] = await task();
    }
  }));
  return results;
}
