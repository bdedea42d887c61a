// Uses the console in Chromium; reads what to do as JSON from the standard input and
// tells how it went on the standard output. See browser_test.go.
import { chromium } from "playwright-core";
import { text } from "node:stream/consumers";
import { state, problem, lap } from "./report.mjs";
import { person, where } from "./people.mjs";
import { crawl } from "./crawl.mjs";
import { look } from "./barriers.mjs";
import { propose, review, approve, watch } from "./life.mjs";
import { proposeByKeys, refuseByKeys } from "./keys.mjs";
import { signInPicture, reviewPicture, pictures } from "./pictures.mjs";

const task = JSON.parse(await text(process.stdin));
const browser = await chromium.launch({ executablePath: task.chromium, args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"] });

async function everything() {
  const nora = await person(browser, task, "Nora");
  const omar = await person(browser, task, "Omar");
  await omar.goto(task.server + "/signin");
  await look(omar);
  if (task.images) await signInPicture(omar, task);
  lap("the sign-in");

  const rotation = await propose(nora, task);
  await review(omar, task);
  if (task.images) await reviewPicture(omar, task);
  await approve(omar);
  lap("the proposal and the approval");

  // While the rotation goes on, somebody else works by keyboard.
  const keys = await person(browser, task, "Nora's keyboard");
  await Promise.all([watch(nora, omar, task, rotation), proposeByKeys(keys, task)]);
  lap("the watch");
  if (task.images) await pictures(omar, task, rotation);
  await crawl([omar, await beside(omar, task)], task.server, where(keys));
  await look(nora); // a rotation that is done
  lap("every page");
  await refuseByKeys(omar, task);
  lap("the keyboard");
}

// beside is another window of the same person.
async function beside(page, task) {
  return person(browser, task, "Omar's other window", { storageState: await page.context().storageState() });
}

try {
  await everything();
} catch (e) {
  problem(e.stack);
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(state));
