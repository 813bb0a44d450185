/** The value of an ascending list below which so much of it is, from 0 to 1; zero for none. */
export function percentile(ascending: readonly number[], portion: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * portion) - 1)] ?? 0;
}

/** The middle one of values in any order, or the mean of the two in the middle. */
export function medianOf(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b);
  const middle = ascending.length / 2;
  return (ascending[Math.floor(middle)]! + ascending[Math.ceil(middle) - 1]!) / 2;
}
