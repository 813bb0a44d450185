/** What `await using` closes, in programs whose TypeScript knows of that. */
export type Closable = Readonly<
  Record<
    SymbolConstructor extends { readonly asyncDispose: infer S extends symbol } ? S : never,
    () => Promise<void>
  >
>;
