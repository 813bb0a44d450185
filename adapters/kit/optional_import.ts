/**
 * For the `catch` of the `import()` of an optional package. It must stand directly on it: bundlers only warn of a package
 * that isn't there where they see that its absence is handled.
 */
export function notInstalled(name: string): (cause: unknown) => never {
  return (cause) => {
    throw new Error(`the package "${name}" can't be loaded; install it`, { cause });
  };
}
