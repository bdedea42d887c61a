// The people at their browsers: each has a context of their own, and everything that
// goes wrong in it is written down.
import { state, problem } from "./report.mjs";

export const widths = [[1440, 900], [768, 1024], [320, 568]];

// person opens a browser for somebody.
export async function person(browser, task, name, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  const own = [task.server, task.cloud].map((u) => new URL(u).origin);
  page.on("request", (r) => {
    state.requests++;
    const u = new URL(r.url());
    if (u.protocol !== "data:" && !own.includes(u.origin)) problem(`${name}: a request to ${u.origin}`);
  });
  page.on("console", (m) => {
    if (m.location().url.startsWith(task.cloud)) return; // not ours: the pretended Entra has no icon
    if (m.type() === "error" || m.type() === "warning") problem(`${name} at ${where(page)}: the console says ${m.text()}`);
  });
  page.on("pageerror", (e) => problem(`${name} at ${where(page)}: ${e.message}`));
  page.setDefaultTimeout(20_000);
  return page;
}

export function where(page) {
  const u = new URL(page.url());
  return u.pathname + u.search;
}

// enter signs somebody in at the pretended Entra with the mouse.
export async function enter(page, task, name) {
  await page.goto(task.server + "/");
  await press(page, page.getByRole("link", { name: "Sign in with Microsoft" }));
  await press(page, page.getByRole("button", { name }));
  await page.waitForURL(task.server + "/");
}

// press is one click, counted.
export async function press(page, what) {
  state.clicks++;
  await what.click();
}
