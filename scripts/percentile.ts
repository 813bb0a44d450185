/** The value of an ascending list below which so much of it is, from 0 to 1; zero for none. */
export function percentile(ascending: readonly number[], portion: number): number {
  return ascending[Math.max(0, Math.ceil(ascending.length * portion) - 1)] ?? 0;
}
