// The console's only script. Every page works without it; it adds three things:
// pages that change are looked at again, exact times also in local time, and a
// warning before the session ends.

const page = document.getElementById("live");
const main = document.getElementById("main");
const said = document.getElementById("said");

// Times: the server knows UTC only.
function localise(root) {
  for (const t of root.querySelectorAll("time[datetime]")) {
    const at = new Date(t.dateTime);
    if (!t.dataset.local && !isNaN(at)) {
      t.dataset.local = "yes";
      t.title += " (" + at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" }) + " here)";
    }
  }
}
localise(document);

// Live: the page is read again and its body exchanged, unless somebody is in it.
function busy() {
  const at = document.activeElement;
  return page.contains(at) && /^(INPUT|SELECT|TEXTAREA|BUTTON)$/.test(at.tagName);
}

// head exchanges what can be done, and takes away what was said about the last act once
// it has been there long enough to be read.
function head(next) {
  const old = document.querySelector(".head .actions");
  const now = next.querySelector(".head .actions");
  if (!old?.contains(document.activeElement) && old?.innerHTML !== now?.innerHTML) {
    old?.remove();
    if (now) document.querySelector(".head").append(document.adoptNode(now));
  }
  if (performance.now() > 20000) document.getElementById("flash")?.remove();
}

async function look() {
  if (document.hidden || busy()) return;
  const answer = await fetch(location.href, { headers: { "Rekey-Live": "1" }, credentials: "same-origin" });
  if (answer.status === 401) {
    location.reload();
    return;
  }
  if (!answer.ok) return;
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = next.getElementById("live");
  if (!fresh || busy() || fresh.innerHTML === page.dataset.last) return;
  page.dataset.last = fresh.innerHTML;
  const open = [...page.querySelectorAll("details")].map((d) => d.open);
  const focus = page.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  head(next);
  page.replaceChildren(...document.adoptNode(fresh).childNodes);
  page.querySelectorAll("details").forEach((d, i) => { if (i < open.length) d.open = open[i]; });
  if (focus) page.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
  localise(page);
  const news = page.querySelector("[data-say]");
  if (news && said.textContent !== news.dataset.say) said.textContent = news.dataset.say;
}

const every = Number(main.dataset.live);
if (every > 0) {
  page.dataset.last = page.innerHTML;
  setInterval(() => look().catch(() => {}), every * 1000); // the next look may succeed
}

// The session: a warning two minutes before its end, with a way to go on.
const ends = Date.parse(document.querySelector('meta[name="session-ends"]')?.content ?? "");
const ending = document.getElementById("ending");
if (!isNaN(ends)) {
  const warnIn = (left) => setTimeout(() => {
    ending.hidden = false;
    ending.querySelector("button").focus();
  }, Math.min(Math.max(left - 120000, 0), 2 ** 31 - 1));
  warnIn(ends - Date.now());
  ending.querySelector("button").addEventListener("click", async () => {
    const to = ending.dataset.extend;
    if (!to) {
      location.reload();
      return;
    }
    const answer = await fetch(to, { method: "POST", credentials: "same-origin" }).catch(() => null);
    const state = answer?.ok ? await answer.json().catch(() => null) : null;
    if (!(state?.left > 120)) { // it has ended, or ends whatever one does
      location.reload();
      return;
    }
    ending.hidden = true;
    warnIn(state.left * 1000);
  });
}

// Menus close with Escape and when something else is chosen.
for (const d of document.querySelectorAll("details.who, details.menu")) {
  d.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && d.open) {
      d.open = false;
      d.querySelector("summary").focus();
    }
  });
  document.addEventListener("click", (e) => {
    if (!d.contains(e.target)) d.open = false;
  });
}
