/**
 * Imports a package that its name alone didn't find, for the `catch` of its `import()`. Deno knows only the names that a
 * program's own import map has; what a program imports as `npm:…` is found here, in the program's own version.
 *
 * The `import()` must stand in a `try` with an `await`: bundlers only warn of a package that isn't there where they see that
 * its absence is handled, and webpack and Rspack see it nowhere else. It must import a constant, not a literal: Deno fetches
 * what a literal names for every program. The npm package has the literal, for bundlers.
 *
 * @throws where there is no such package; the cause is why its name didn't find it.
 */
export async function importFromNpm<Module>(
  name: string,
  range: string,
  cause: unknown,
): Promise<Module> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ `npm:${name}@${range}`);
  } catch {
    throw new Error(`the package "${name}" can't be loaded; install it`, { cause });
  }
}
