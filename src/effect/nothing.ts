/** Does nothing: what ends something of which nothing is left to end. */
export function nothing(): void {}
