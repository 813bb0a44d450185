/** What is used of dynalite's module of operations. */
declare const db: {
  checkConditional(
    request: unknown,
    item: unknown,
  ): { readonly body: { Item?: unknown } } | null | undefined;
};
export default db;
