/** A table for Markdown and for terminals, with its columns in line; numbers stand at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const columns = head.map((name, column) => {
    const cells = rows.map((row) => row[column]!);
    const width = Math.max(3, ...[name, ...cells].map((cell) => cell.length));
    return { width, numbers: cells.every((cell) => /^[\d–]/.test(cell)) };
  });
  const rules = columns.map(({ width, numbers }) => "-".repeat(width - 1) + (numbers ? ":" : "-"));
  return [head, rules, ...rows].map((cells) => {
    const padded = cells.map((cell, column) => {
      const { width, numbers } = columns[column]!;
      return numbers ? cell.padStart(width) : cell.padEnd(width);
    });
    return `| ${padded.join(" | ")} |`;
  }).join("\n");
}

/** A whole number, with its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
