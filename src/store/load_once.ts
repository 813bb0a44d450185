/** Loads something on first use, and only once; a load that failed is tried again. */
export function loadOnce<A>(load: () => Promise<A>): () => Promise<A> {
  let loading: Promise<A> | undefined;
  return () =>
    loading ??= load().catch((error) => {
      loading = undefined;
      throw error;
    });
}
