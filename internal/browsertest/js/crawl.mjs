// Every page that there is a link to, one of each kind.
import { state, problem } from "./report.mjs";
import { look } from "./barriers.mjs";

const words = new Set(["new", "one", "check", "verify", "keys", "reconcile", "tokens", "sessions", "invite", "timeline"]);
const files = /(\/(export|checkpoint|report)|\.json)$/;
const elsewhere = /^\/(signin|signout|setup)\b/; // pages of the sign-in, looked at before

// pattern is what a page is one of: /vaults/{} for /vaults/kv-contoso-prod.
export function pattern(path) {
  const deeper = /^\/people\/(tokens|sessions)\//.test(path);
  return path.split("/").map((part, i) => (i === (deeper ? 3 : 2) && part && !words.has(part) ? "{}" : part)).join("/");
}

// crawl looks at every kind of page that whoever is signed in can reach, with several
// windows at once. Of the pages named first it looks at exactly those.
export async function crawl(pages, server, ...first) {
  const todo = [...first, "/", "/help"];
  let busy = 0;
  const visit = async (page, path) => {
    if (files.test(path.split("?")[0])) {
      const answer = await page.request.get(server + path);
      if (!answer.ok()) problem(`${path}: ${answer.status()}`);
      return;
    }
    const answer = await page.goto(server + path);
    if (!answer.ok()) {
      problem(`${path}: ${answer.status()}`);
      return;
    }
    const links = await page.$$eval('a[href^="/"]', (list) => list.map((a) => a.getAttribute("href").split("#")[0]));
    todo.push(...links.filter((l) => !elsewhere.test(l)));
    await look(page);
  };
  await Promise.all(pages.map(async (page) => {
    while (todo.length || busy) {
      const path = todo.shift();
      if (path === undefined) {
        await new Promise((r) => setTimeout(r, 50));
        continue;
      }
      const kind = pattern(path.split("?")[0]);
      if (state.patterns.includes(kind)) continue;
      state.patterns.push(kind);
      busy++;
      await visit(page, path).catch((e) => problem(`${path}: ${e.message}`));
      busy--;
    }
  }));
}
