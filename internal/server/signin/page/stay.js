// Warns two minutes before the session ends, and lets the person stay (WCAG 2.2.1).
// A page includes it with <script src="/signin/stay.js" defer></script>.
(() => {
  const said = document.createElement("div");
  said.className = "stay";
  said.setAttribute("role", "alert");
  said.hidden = true;
  const text = document.createElement("span");
  const more = document.createElement("button");
  more.type = "button";
  more.textContent = "Stay signed in";
  said.append(text, " ", more);
  document.body.append(said);

  let timer;
  const again = (seconds) => {
    clearTimeout(timer);
    timer = setTimeout(look, Math.max(5, Math.min(seconds, 3600)) * 1000);
  };
  const show = (state) => {
    if (state.left <= 0) {
      text.textContent = "Your session has ended. What you typed is still here; sign in in another tab to go on.";
      more.hidden = true;
      said.hidden = false;
      return;
    }
    if (state.left > state.warn) {
      said.hidden = true;
      again(state.left - state.warn);
      return;
    }
    const last = Date.parse(state.ends) <= Date.parse(state.idle);
    const minutes = Math.max(1, Math.round(state.left / 60));
    text.textContent = "Your session ends in about " + minutes + (minutes === 1 ? " minute." : " minutes.") + (last ? " It cannot be prolonged: sign in again." : "");
    more.hidden = last;
    said.hidden = false;
    again(30);
  };
  const ask = async (path, method) => {
    try {
      const answer = await fetch(path, { method, cache: "no-store" });
      show(await answer.json());
    } catch {
      again(60); // the server may be back then
    }
  };
  const look = () => ask("/signin/session", "GET");
  more.addEventListener("click", () => ask("/signin/stay", "POST"));
  look();
})();
