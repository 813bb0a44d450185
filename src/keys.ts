const loneSurrogate = /\p{Surrogate}/u;

/** Whether UTF-8 can carry the key: all that it can't would become one and the same key. */
export function isWellFormed(key: string): boolean {
  return !loneSurrogate.test(key);
}
