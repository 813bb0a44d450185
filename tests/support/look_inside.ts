/** What a function makes, and the Maps that it makes meanwhile, in their order. */
export function lookInside<A>(make: () => A): readonly [made: A, maps: Map<string, unknown>[]] {
  const maps: Map<string, unknown>[] = [];
  const { Map: Original } = globalThis;
  class Visible<K, V> extends Original<K, V> {
    constructor() {
      super();
      maps.push(this as unknown as Map<string, unknown>);
    }
  }
  globalThis.Map = Visible as unknown as MapConstructor;
  try {
    return [make(), maps];
  } finally {
    globalThis.Map = Original;
  }
}
