/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
/** The page of docs/playground/ in a real browser, opened from disk: `CHROMIUM` is its program. */
import axe from "axe-core";
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import process from "node:process";
import { after, before, describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { CacheStats } from "../../promise.ts";
import type { Herds } from "../../scripts/demo/herd.ts";
import { readSettings, sliders, switches } from "./settings.ts";
import { cache } from "../../scripts/project.ts";
import { buildPlayground } from "../../scripts/playground/build.ts";

/** What the page has for its console. */
interface Console {
  readonly playground: { herds(): Herds; stats(): CacheStats[] };
}

const address = pathToFileURL(`${cache}playground/index.html`).href;
const pictures = `${cache}playground/pictures/`;
/** Entries and leases that outlive the herd, however slow the machine is. */
const FOR_ALL = { ttl: "6000", lease: "5000" };

let browser: Browser;
before(async () => {
  await buildPlayground();
  mkdirSync(pictures, { recursive: true });
  browser = await chromium.launch({
    executablePath: process.env["CHROMIUM"]!,
    args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
  });
});
after(() => browser?.close());

/** Opens the page, and fails if it wrote an error, or asked for anything but its own files. */
async function withPage(
  { hash = "", ...options }: BrowserContextOptions & { readonly hash?: string },
  look: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const wrong: string[] = [];
  try {
    const page = await context.newPage();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) wrong.push(message.text());
    });
    page.on("pageerror", ({ message }) => wrong.push(message));
    page.on("requestfailed", (request) => wrong.push(`failed: ${request.url()}`));
    page.on("request", (request) => {
      if (!/^(file|data):/.test(request.url())) wrong.push(`asked for ${request.url()}`);
    });
    await page.goto(address + hash);
    await look(page);
  } finally {
    await context.close();
  }
  assert.deepEqual(wrong, []);
}

/** A link to settings. */
function linkTo(settings: Readonly<Record<string, string>>): string {
  return `#${new URLSearchParams(settings)}`;
}

/** Waits until the herd has ended. */
async function ended(page: Page): Promise<void> {
  await page.locator("#status").filter({ hasText: "with it" }).waitFor();
}

/** The figures of the page's table by their names, as the page shows them. */
async function table(page: Page): Promise<Map<string, readonly [string, string, string]>> {
  const rows = await page.locator("tbody tr").evaluateAll((rows) =>
    rows.map((row) => [...row.children].map((cell) => cell.firstChild?.textContent?.trim() ?? ""))
  );
  return new Map(rows.map(([name, ...cells]) => [name!, cells as [string, string, string]]));
}

/** What the page has its figures from. */
async function told(page: Page) {
  const { herds, stats } = await page.evaluate(() => {
    const { playground } = globalThis as unknown as Console;
    return { herds: playground.herds(), stats: playground.stats() };
  });
  const sum = (name: Exclude<keyof CacheStats, "name">) =>
    stats.reduce((sum, each) => sum + each[name], 0);
  return { herds, sum };
}

/** Opens the page with settings, and looks at it once its herd has ended. */
function played(
  settings: Readonly<Record<string, string>>,
  look: (page: Page) => Promise<void>,
): Promise<void> {
  return withPage({ hash: linkTo(settings) }, async (page) => {
    await ended(page);
    await look(page);
  });
}

/** Lets the herd go again until a cell has another number: where all callers came at once, the machine was busy. */
async function until(
  page: Page,
  [name, column]: readonly [string, 0 | 1 | 2],
  isSeen: (number: number) => boolean,
): Promise<void> {
  const read = async () => Number((await table(page)).get(name)![column]);
  for (let herds = 1; herds < 10 && !isSeen(await read()); herds++) {
    await page.getByRole("button", { name: "Let the herd go" }).click();
    await ended(page);
  }
  assert.ok(isSeen(await read()), `${name}: ${await read()}`);
}

/** Asserts that axe finds nothing, and that nothing is wider than the page. */
async function assertAccessible(page: Page, name: string): Promise<void> {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(options: axe.RunOptions): Promise<axe.AxeResults> };
    };
    // It would ask for the styles, which a page from disk may not.
    return (await axe.run({ preload: false })).violations.map(({ id, impact, nodes }) =>
      `${impact} ${id}: ${nodes.map(({ html }) => html).join(", ")}`
    );
  });
  assert.deepEqual(violations, [], `${name}: ${violations.join("; ")}`);
  assert.ok(
    await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
    `${name}: the page scrolls sideways`,
  );
}

describe("the playground", () => {
  it("loads from disk, and draws", () =>
    withPage({}, async (page) => {
      await page.locator("#protected .picture svg").waitFor();
      const loaded = await page.evaluate(() => {
        const [navigation] = performance.getEntriesByType("navigation");
        return (navigation as PerformanceNavigationTiming).domComplete;
      });
      console.log(`Measured: the page loads in ${Math.round(loaded)} ms`);
      // Of a machine that does other things.
      assert.ok(loaded < 10_000, `loaded after ${loaded} ms`);
    }));

  it("lets 200 callers go: one fetches, and what is shown is what callers saw and clients count", () =>
    played({ callers: "200", span: "1000", fetch: "300", ...FOR_ALL }, async (page) => {
      const { herds, sum } = await told(page);
      const shown = await table(page);
      assert.equal(herds.protected.length, 200);
      const fetches = (herd: Herds[keyof Herds]) => herd.flatMap(({ fetches }) => fetches).length;
      assert.equal(fetches(herds.protected), 1);
      assert.equal(await page.locator("#protected .count").innerText(), "1 fetch");
      assert.ok(fetches(herds.unprotected) > 10, `${fetches(herds.unprotected)} fetches`);
      assert.equal(
        await page.locator("#unprotected .count").innerText(),
        `${fetches(herds.unprotected)} fetches`,
      );
      const counters = [
        ["found the value", "hits", ["HIT"]],
        ["fetched it", "leaders", ["MISS-LEADER", "MISS-LEADER-NOCACHE"]],
        ["waited for another’s fetch", "followers", ["MISS-FOLLOWER-HIT"]],
        ["waited for too long, and fetched", "fallbacks", ["MISS-FOLLOWER-FALLBACK"]],
        ["had the stale value", "stale", ["STALE", "STALE-ERROR"]],
      ] as const;
      let all = 0;
      for (const [name, counter, outcomes] of counters) {
        const saw = herds.protected.filter(({ outcome }) =>
          (outcomes as readonly string[]).includes(outcome)
        ).length;
        assert.deepEqual(shown.get(name)!.slice(1), [String(saw), String(sum(counter))], name);
        assert.equal(saw, sum(counter), name);
        all += saw;
      }
      assert.equal(all, 200);
      const took = herds.protected.map(({ start, end }) => end - start).sort((a, b) => a - b);
      assert.equal(
        await page.locator("#protected [data-figure=p99]").innerText(),
        `${Math.round(took[197]!)} ms`,
      );
    }));

  it("kills the leader: its callers die, and one process takes over once the lease has ended", () =>
    played(
      {
        kill: "1",
        processes: "3",
        callers: "30",
        span: "500",
        fetch: "400",
        ...FOR_ALL,
        lease: "2000",
      },
      async (page) => {
        const { herds, sum } = await told(page);
        const shown = await table(page);
        const fetches = herds.protected.flatMap(({ fetches }) => fetches)
          .sort((a, b) => a.start - b.start);
        assert.deepEqual(fetches.map(({ ended }) => ended), ["cancelled", "fetched"]);
        const [first, second] = fetches;
        assert.ok(second!.start - first!.start > 1000, "the lease was not waited for");
        const leader = herds.protected.find(({ fetches }) => fetches[0]?.start === first!.start)!;
        const killed = herds.protected.filter(({ outcome }) => outcome === "KILLED");
        assert.ok(killed.includes(leader));
        assert.ok(killed.every(({ process }) => process === leader.process));
        assert.equal(sum("takeovers"), 1);
        assert.equal(shown.get("takeovers from a leader that failed or died")![2], "1");
        const [without, seen] = shown.get("were killed with their process")!;
        assert.equal(seen, String(killed.length));
        assert.notEqual(without, "0");
        assert.deepEqual(shown.get("failed"), ["0", "0", ""]);
      },
    ));

  it("fails all fetches, or none", async () => {
    const settings = { callers: "30", span: "500", fetch: "200", ...FOR_ALL };
    const all = played({ ...settings, failing: "100" }, async (page) => {
      const { herds, sum } = await told(page);
      const shown = await table(page);
      assert.deepEqual(shown.get("failed"), ["30", "30", ""]);
      const [without, seen, counted] = shown.get("of them failed")!;
      assert.equal(seen, counted);
      assert.equal(counted, String(sum("failedFetches")));
      assert.equal(seen, String(herds.protected.flatMap(({ fetches }) => fetches).length));
      assert.equal(without, "30");
      assert.ok(Number(seen) < 30);
      assert.equal(await page.locator("#protected [data-figure=p99]").innerText(), "–");
    });
    const none = played(settings, async (page) => {
      const shown = await table(page);
      assert.deepEqual(shown.get("failed"), ["0", "0", ""]);
      assert.deepEqual(shown.get("of them failed"), ["0", "0", "0"]);
    });
    await Promise.all([all, none]);
  });

  it("serves stale values, or none", async () => {
    const settings = { callers: "60", span: "1500", fetch: "200", ttl: "200", lease: "5000" };
    const on = played({ ...settings, stale: "1" }, async (page) => {
      await until(page, ["had the stale value", 2], (calls) => calls > 0);
      const { sum } = await told(page);
      const shown = await table(page);
      assert.equal(shown.get("had the stale value")![2], String(sum("stale")));
      assert.notEqual(shown.get("refreshes in the background")![2], "0");
      // Nobody but the first has waited for a fetch of its own.
      assert.equal(shown.get("fetched it")![2], "1");
    });
    const off = played(settings, async (page) => {
      await until(page, ["fetched it", 2], (calls) => calls > 1);
      const shown = await table(page);
      assert.deepEqual(shown.get("had the stale value"), ["", "0", "0"]);
      assert.equal(shown.get("refreshes in the background")![2], "0");
    });
    await Promise.all([on, off]);
  });

  it("keeps its settings in its link, and takes no others than its controls have", () => {
    const own = { callers: "130", fetch: "150", span: "500", stale: "1", kill: "0" };
    return withPage({ hash: linkTo({ ...own, processes: "1000", ttl: "soon" }) }, async (page) => {
      assert.equal(await page.locator("#callers").inputValue(), "130");
      assert.equal(await page.locator("#stale").isChecked(), true);
      assert.equal(await page.locator("#processes").inputValue(), "8");
      assert.equal(await page.locator("#ttl").inputValue(), String(sliders.ttl.value));

      await page.locator("#kill").check();
      await page.locator("#fetch").fill("250");
      const hash = await page.evaluate(() => location.hash);
      assert.deepEqual(readSettings(hash), {
        ...readSettings(linkTo(own)),
        processes: 8,
        fetch: 250,
        kill: true,
      });
      assert.equal(await page.locator("#link").getAttribute("href"), hash);

      await page.getByRole("button", { name: "Back to the defaults" }).click();
      assert.equal(await page.locator("#kill").isChecked(), false);
      await page.evaluate((hash) => location.hash = hash, hash);
      await page.waitForFunction(() => document.querySelector<HTMLInputElement>("#kill")!.checked);
      assert.equal(await page.locator("#fetch").inputValue(), "250");
    });
  });

  it("is operated by the keyboard alone", () =>
    withPage({ hash: linkTo({ span: "500", fetch: "100" }) }, async (page) => {
      const focused = () =>
        page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);
      const reached: unknown[] = [];
      for (let last; (last = await focused()) !== "Back to the defaults";) {
        if (last !== reached.at(-1)) reached.push(last);
        assert.ok(reached.length < 20, "the last button can't be reached");
        await page.keyboard.press("Tab");
      }
      const controls = [...Object.keys(switches), ...Object.keys(sliders)];
      assert.deepEqual(reached.slice(1), ["Let the herd go", "link", ...controls]);

      for (const name of Object.keys(switches)) {
        await page.locator(`#${name}`).focus();
        await page.keyboard.press("Space");
        assert.equal(await page.locator(`#${name}`).isChecked(), true, name);
      }
      for (const [name, { value, least }] of Object.entries(sliders)) {
        const slider = page.locator(`#${name}`);
        await slider.focus();
        await page.keyboard.press(value === least ? "ArrowRight" : "ArrowLeft");
        const expected = await page.evaluate(
          (name) => new URLSearchParams(location.hash.slice(1)).get(name),
          name,
        );
        assert.equal(await slider.inputValue(), expected, name);
        assert.notEqual(expected, String(value), name);
        assert.ok(await slider.getAttribute("aria-valuetext"), name);
      }
      await page.getByRole("button", { name: "Let the herd go" }).focus();
      await page.keyboard.press("Enter");
      assert.match(await page.locator("#status").innerText(), /under way/);
      await ended(page);
    }));

  it("draws nothing that moves for people who want less motion", () =>
    withPage(
      { reducedMotion: "reduce", hash: linkTo({ fetch: "300", span: "1000" }) },
      async (page) => {
        const drawings = await page.evaluate(async () => {
          const counted = { before: 0, after: 0 };
          const status = document.querySelector("#status")!;
          const isOver = () => status.textContent!.includes("with it");
          new MutationObserver(() => counted[isOver() ? "after" : "before"]++)
            .observe(document.querySelector("#protected .picture")!, { childList: true });
          document.querySelector<HTMLFormElement>("#controls")!.requestSubmit();
          while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 20));
          await new Promise((resolve) => setTimeout(resolve, 50));
          return counted;
        });
        // Of the one that has gone before it, nothing more.
        assert.deepEqual(drawings, { before: 1, after: 1 });
        assert.ok(await page.locator("#protected .picture svg circle").count() > 0);
      },
    ));

  it("is accessible in light and in dark, on desks and on phones", async () => {
    const kinds: Readonly<Record<string, BrowserContextOptions>> = {
      light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
      dark: { colorScheme: "dark", viewport: { width: 1280, height: 800 } },
      phone: { colorScheme: "light", viewport: { width: 375, height: 740 } },
      "small-phone-dark": { colorScheme: "dark", viewport: { width: 320, height: 640 } },
    };
    await Promise.all(
      Object.entries(kinds).map(([name, options]) =>
        withPage({ ...options, hash: linkTo({ span: "2000" }) }, async (page) => {
          await ended(page);
          await page.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
          await assertAccessible(page, name);
        })
      ),
    );
  });
});
