/** How wide every picture is. */
export const WIDTH = 800;

/** The space at its sides. */
export const MARGIN = 28;

/** What something drawn stands for: this library, another one, what nothing can be faster than, or the lack of help. */
export type Tone = "own" | "own-too" | "peer" | "floor" | "hot";

/** The rules for everything that pictures are made of. */
export const picturesStyle = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, Ubuntu, sans-serif; fill: #59636e }
  .title { font-size: 15px } .name { font-size: 16px; font-weight: 600; fill: #1f2328 }
  .small { font-size: 11px } .strong { font-weight: 600; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 } .grid { stroke: #d1d9e0; stroke-width: 1 }
  .own { color: #1f9d55 } .own-too { color: #8f6ad8 } .peer { color: #6fa8e0 }
  .floor { color: #b4bcc5 } .hot { color: #ee6c1b }
  .bar, .dot { fill: currentColor }
  .line, .whisker { stroke: currentColor; stroke-width: 2; fill: none } .dashed { stroke-dasharray: 5 4 }
  .lead { stroke: currentColor; stroke-width: 1; fill: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #9198a1 } .name, .strong { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d } .grid { stroke: #3d444d }
    .own { color: #3fb950 } .own-too { color: #a98eea } .peer { color: #4a84c4 }
    .floor { color: #59636e } .hot { color: #f0883e }
  }
`;

/** What a picture is made with. */
export interface Frame {
  /** The line above what is drawn. */
  readonly title: string;
  readonly height: number;
  /** What a reader hears who doesn't see it; the title by default. */
  readonly label?: string;
  /** Rules of its own, which follow those of all pictures. */
  readonly style?: string;
}

/** A picture of its own, for light pages and dark ones, with a title above what is drawn. */
export function picture(
  { title, height, label = title, style: own = "" }: Frame,
  drawn: readonly string[],
): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(label)}</title>
<style>${picturesStyle}${own}</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="10"/>
${text(MARGIN, 36, title, "title")}
${drawn.join("\n")}
</svg>
`;
}

/** A line of text that begins, is centred or ends at `x`. */
export function text(x: number, y: number, content: string, kind = "", anchor = "start"): string {
  return `<text${kind && ` class="${kind}"`} x="${x}" y="${y}" text-anchor="${anchor}">${
    escaped(content)
  }</text>`;
}

/** As exact as a picture needs. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
