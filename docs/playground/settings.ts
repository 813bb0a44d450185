/** A number that can be set by a slider. */
export interface Slider {
  readonly label: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly value: number;
  readonly unit: "" | "ms" | "%";
  /** What its label doesn't say. */
  readonly help?: string;
}

/** Something that is on or off. */
export interface Switch {
  readonly label: string;
  readonly value: boolean;
  readonly help: string;
}

/** The sliders, in the order of the page. */
export const sliders = {
  callers: {
    label: "Callers",
    least: 10,
    most: 500,
    step: 10,
    value: 80,
    unit: "",
  },
  span: {
    label: "They come within",
    least: 500,
    most: 6000,
    step: 500,
    value: 3000,
    unit: "ms",
  },
  processes: {
    label: "Processes",
    least: 1,
    most: 8,
    step: 1,
    value: 4,
    unit: "",
    help: "Each has a client of its own.",
  },
  fetch: {
    label: "A fetch takes",
    least: 50,
    most: 2000,
    step: 50,
    value: 500,
    unit: "ms",
  },
  failing: {
    label: "Fetches that fail",
    least: 0,
    most: 100,
    step: 5,
    value: 0,
    unit: "%",
    help: "The first fetch is one of them.",
  },
  ttl: {
    label: "Time to live",
    least: 200,
    most: 6000,
    step: 100,
    value: 1000,
    unit: "ms",
  },
  lease: {
    label: "Lease",
    least: 300,
    most: 5000,
    step: 100,
    value: 1000,
    unit: "ms",
    help: "How long a dead leader holds up the others.",
  },
  trip: {
    label: "Round trip to the store",
    least: 0,
    most: 100,
    step: 10,
    value: 10,
    unit: "ms",
  },
} as const satisfies Readonly<Record<string, Slider>>;

/** The switches, in the order of the page. */
export const switches = {
  stale: {
    label: "Serve stale values",
    value: false,
    help: "A value past its time is served at once, and one process of all refreshes it.",
  },
  kill: {
    label: "Kill the first leader",
    value: false,
    help: "Its process dies in the middle of the fetch, with its callers, and starts again.",
  },
} as const satisfies Readonly<Record<string, Switch>>;

/** What a herd is played with. */
export type Settings =
  & { readonly [Name in keyof typeof sliders]: number }
  & { readonly [Name in keyof typeof switches]: boolean };

/** Reads what a link holds: `#callers=200&kill=1`. What is missing, or can't be used, is as it is by default. */
export function readSettings(hash: string): Settings {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  return Object.fromEntries([
    ...Object.entries<Slider>(sliders).map(([name, slider]) => [
      name,
      within(slider, given.get(name)),
    ]),
    ...Object.entries<Switch>(switches).map(([name, { value }]) => [
      name,
      given.has(name) ? given.get(name) === "1" : value,
    ]),
  ]) as unknown as Settings;
}

function within({ least, most, step, value }: Slider, text: string | null): number {
  const number = text === null || text.trim() === "" ? NaN : Number(text);
  if (Number.isNaN(number)) return value;
  const bounded = Math.min(most, Math.max(least, number));
  return Math.min(most, least + Math.round((bounded - least) / step) * step);
}

/** Writes a link that holds the settings. */
export function writeSettings(settings: Settings): string {
  const pairs = Object.entries(settings).map(([name, value]) => [name, String(Number(value))]);
  return `#${new URLSearchParams(pairs)}`;
}
