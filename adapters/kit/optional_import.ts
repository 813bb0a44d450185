/**
 * What the `catch` of the `import()` of an optional package throws. Both must stand in one `try` with an `await`: bundlers
 * only warn of a package that isn't there where they see that its absence is handled, and webpack and Rspack see it
 * nowhere else.
 */
export function notInstalled(name: string, cause: unknown): Error {
  return new Error(`the package "${name}" can't be loaded; install it`, { cause });
}
