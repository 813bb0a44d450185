/** How a series of figures grows. */
export interface Growth {
  /** From its second half's begin to its end, by the line that fits it best. */
  readonly growth: number;
  /** The standard error of that. */
  readonly error: number;
  /** Of the second half. */
  readonly mean: number;
}

/** How the second half of a series grows; the first is the program's warming up. */
export function growthOf(series: readonly number[]): Growth {
  const half = series.slice(Math.floor(series.length / 2));
  const n = half.length;
  const middle = (n - 1) / 2;
  const mean = half.reduce((sum, y) => sum + y, 0) / n;
  const spread = half.reduce((sum, _, x) => sum + (x - middle) ** 2, 0);
  const slope = half.reduce((sum, y, x) => sum + (x - middle) * (y - mean), 0) / spread;
  const rest = half.reduce((sum, y, x) => sum + (y - mean - slope * (x - middle)) ** 2, 0);
  const error = Math.sqrt(rest / (n - 2) / spread);
  return { growth: slope * (n - 1), error: error * (n - 1), mean };
}

/** Whether it is more than three standard errors, and than a hundredth of what there is, or than one. */
export function isReal({ growth, error, mean }: Growth): boolean {
  return growth > 3 * error && growth > Math.max(mean / 100, 1);
}
