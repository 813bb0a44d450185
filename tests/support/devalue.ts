/** Why suites of the devalue codec are skipped: devalue asks text whether it is well formed, as Node 18 can't. */
export const skipDevalue: string | false = "isWellFormed" in String.prototype
  ? false
  : "devalue needs Node 20";
