// The main tasks with Tab, Enter, Space and letters only. Wherever the focus stops it has
// to be seen.
import { state, problem } from "./report.mjs";
import { where } from "./people.mjs";

const most = 150; // stops until something is reached

// focus tells what has the focus: its name, and what is wrong with how it is shown.
function focus() {
  const e = document.activeElement;
  if (!e || e === document.body) return { name: "", wrong: "" };
  const label = e.labels?.[0]?.textContent ?? "";
  const name = (e.getAttribute("aria-label") || label || e.textContent || e.value || "").replace(/\s+/g, " ").trim();
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const svg = e.namespaceURI.endsWith("svg");
  let wrong = ring || svg ? "" : "no ring";
  if (box.bottom <= 0 || box.top >= innerHeight || box.right <= 0 || box.left >= innerWidth) wrong = "out of sight";
  else if (!svg && !e.closest(".top, .skip")) {
    const bar = document.querySelector(".top")?.getBoundingClientRect();
    if (bar && box.bottom <= bar.bottom && box.top >= bar.top) wrong = "under the head of the page";
  }
  return { name, wrong };
}

// reach presses Tab until what is named has the focus.
async function reach(page, name) {
  for (let i = 0; i < most; i++) {
    await page.keyboard.press("Tab");
    state.stops++;
    const at = await page.evaluate(focus);
    if (at.wrong) problem(`the focus on "${at.name.slice(0, 60)}" at ${where(page)}: ${at.wrong}`);
    if (name.test(at.name)) return;
  }
  throw new Error(`${where(page)}: Tab does not reach ${name} in ${most} stops`);
}

// go reaches a link or a button, presses Enter and waits for the page behind it.
async function go(page, name, to) {
  await reach(page, name);
  await Promise.all([page.waitForURL(to), page.keyboard.press("Enter")]);
  await page.waitForLoadState();
}

async function write(page, name, words) {
  await reach(page, name);
  await page.keyboard.type(words);
}

const done = () => state.tasks++;

// proposeByKeys signs in, finds a credential and proposes its renewal.
export async function proposeByKeys(page, task) {
  await page.goto(task.server + "/");
  await go(page, /^Sign in with Microsoft$/, /authorize/);
  await go(page, /^Nora Keller/, task.server + "/");
  done(); // sign in
  await write(page, /^Find an application/, task.second);
  await Promise.all([page.waitForURL(/\/credentials\?search=/), page.keyboard.press("Enter")]);
  await go(page, /^Skip to the page$/, /#main/);
  await go(page, new RegExp("^" + task.second), /\/(credentials|applications)\/[^?]+$/);
  done(); // find one
  await go(page, /^(Plan|Propose|Renew)/, /\/rotations\/new/);
  await write(page, /^Why/, "It ends soon.");
  await reach(page, /^Look at the plan$/);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Propose it" }).waitFor();
  await go(page, /^Propose it$/, /\/rotations\/r-/);
  done(); // propose
}

// refuseByKeys looks at a proposal as somebody else, refuses it and reads the audit log.
export async function refuseByKeys(page, task) {
  await page.goto(task.server + "/");
  await go(page, /^Approvals$/, /\/approvals$/);
  await go(page, new RegExp("^" + task.second), /\/approvals\/r-/);
  done(); // review
  await go(page, /^Refuse it$/, /\/refuse/);
  await write(page, /^Why/, "Not this week.");
  await go(page, /^Refuse it$/, /\/rotations\/r-/);
  done(); // decide
  await go(page, /^Findings$/, /\/findings/);
  done();
  await go(page, /^Audit$/, /\/audit/);
  await go(page, /^Verify/, /\/audit\/verify/);
  done();
  await reach(page, /Omar Haddad/);
  await page.keyboard.press("Enter");
  await reach(page, /^Sign out$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "You are signed out" }).waitFor();
  done(); // sign out
}
