/** A table of Markdown, as `deno fmt` lays it out; numbers stand at the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, column) =>
    Math.max(3, name.length, ...rows.map((row) => row[column]!.length))
  );
  const right = head.map((_, column) => rows.every((row) => /^[\d–<]/.test(row[column]!)));
  const line = (cells: readonly string[]) =>
    `| ${
      cells.map((cell, column) =>
        right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, column) =>
    right[column] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** A whole number, with its thousands apart. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
