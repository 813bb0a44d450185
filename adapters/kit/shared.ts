const shared = new WeakMap<object, Map<string, unknown>>();

/** What all stores of a client share under a name: made by the first of them, and kept as long as the client. */
export function sharedBy<A>(client: object, name: string, make: () => A): A {
  const known = shared.get(client) ?? new Map<string, unknown>();
  shared.set(client, known);
  if (!known.has(name)) known.set(name, make());
  return known.get(name) as A;
}
