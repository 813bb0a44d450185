/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { formatMillis } from "../../scripts/demo/rows.ts";
import {
  readSettings,
  type Settings,
  type Slider,
  sliders,
  type Switch,
  switches,
} from "./settings.ts";

/** The controls of the page. */
export interface Controls {
  /** What they are set to. */
  read(): Settings;
  /** Sets them. */
  show(settings: Settings): void;
}

/** Makes a control for each setting. `changed` is called when one has another value, and when a herd is asked for. */
export function controlsOf(form: HTMLFormElement, changed: () => void): Controls {
  const inputs = new Map<string, HTMLInputElement>();
  const tellings: (() => void)[] = [];
  for (const [name, { label, value, help }] of Object.entries<Switch>(switches)) {
    const { input, row } = rowOf(name, label, help);
    input.type = "checkbox";
    input.setAttribute("role", "switch");
    input.defaultChecked = value;
    row.prepend(input);
    inputs.set(name, input);
    form.querySelector("#switches")!.append(row);
  }
  for (const [name, slider] of Object.entries<Slider>(sliders)) {
    const { input, row } = rowOf(name, slider.label, slider.help);
    const { least, most, step, value } = slider;
    Object.assign(input, { type: "range", min: least, max: most, step, defaultValue: value });
    const output = document.createElement("output");
    output.htmlFor.add(input.id);
    const tell = () => {
      output.textContent = textOf(slider, input.valueAsNumber);
      input.setAttribute("aria-valuetext", output.textContent);
    };
    tellings.push(tell);
    input.addEventListener("input", tell);
    row.children[0]!.after(output, input);
    inputs.set(name, input);
    form.querySelector("#sliders")!.append(row);
  }

  const show = (settings: Settings) => {
    for (const [name, value] of Object.entries(settings)) {
      const input = inputs.get(name)!;
      if (typeof value === "boolean") input.checked = value;
      else input.valueAsNumber = value;
    }
    for (const tell of tellings) tell();
  };
  form.addEventListener("change", changed);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    changed();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    show(readSettings(""));
    changed();
  });
  return {
    read: () =>
      Object.fromEntries(
        [...inputs].map(([name, input]) => [
          name,
          input.type === "checkbox" ? input.checked : input.valueAsNumber,
        ]),
      ) as unknown as Settings,
    show,
  };
}

function rowOf(name: string, label: string, help = "") {
  const row = document.createElement("div");
  row.className = "control";
  const input = document.createElement("input");
  input.id = name;
  const words = document.createElement("label");
  words.htmlFor = name;
  words.textContent = label;
  row.append(words);
  if (help !== "") {
    const note = document.createElement("small");
    note.id = `${name}-help`;
    note.textContent = help;
    input.setAttribute("aria-describedby", note.id);
    row.append(note);
  }
  return { input, row };
}

function textOf({ unit }: Slider, value: number): string {
  if (unit === "ms") return value === 0 ? "none" : formatMillis(value);
  return unit === "%" ? `${value} %` : String(value);
}
