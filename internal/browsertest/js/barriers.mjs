// What bars people from a page: axe-core, and scrolling to the side.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { state, problem } from "./report.mjs";
import { where, widths } from "./people.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const themes = ["light", "dark"];
const rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

state.themes = themes.length;
state.widths = widths.length;

// look judges the page that is open, in both themes and all widths.
export async function look(page) {
  state.pages++;
  await page.evaluate(axe);
  for (const [width, height] of widths) {
    await page.setViewportSize({ width, height });
    for (const theme of themes) {
      await page.emulateMedia({ colorScheme: theme });
      const found = await page.evaluate((tags) => axe.run(document, { runOnly: tags, resultTypes: ["violations"] }), rules);
      state.looks++;
      for (const v of found.violations) {
        state.violations += v.nodes.length;
        problem(`axe at ${where(page)}, ${theme}, ${width} px: ${v.id}: ${v.nodes.map((n) => n.target.join(" ") + " [" + n.failureSummary.split("\n").pop().trim() + "]").slice(0, 3).join("; ")}`);
      }
    }
    await narrow(page, width);
  }
  // 1280 by 1024 at 400 % is 320 by 256.
  await page.setViewportSize({ width: 320, height: 256 });
  await narrow(page, "320 px at 400 %");
  await page.setViewportSize({ width: 1440, height: 900 });
}

// narrow says what makes a page wider than its window.
async function narrow(page, width) {
  const wide = await page.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth) return "";
    const scrolls = (e) => e && e !== root && (/(auto|scroll|hidden|clip)/.test(getComputedStyle(e).overflowX) && e !== document.body || scrolls(e.parentElement));
    const out = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1 && !scrolls(e.parentElement));
    return `${root.scrollWidth} px: ${out.slice(0, 3).map((e) => e.tagName.toLowerCase() + (typeof e.className === "string" && e.className ? "." + e.className : "")).join(", ")}`;
  });
  if (wide) problem(`${where(page)} scrolls to the side at ${width}: ${wide}`);
}
