// Passkeys: the browser does the work; this carries questions and answers.
const said = document.getElementById("said");
const post = async (path, body) => {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.why || "That did not work.");
  return told;
};
const run = async (work) => {
  said.textContent = "";
  try {
    const done = await work();
    location.assign(done.goal || "/");
  } catch (e) {
    said.textContent = e.name === "NotAllowedError" ? "No passkey was used." : e.message;
  }
};
const known = window.PublicKeyCredential && PublicKeyCredential.parseRequestOptionsFromJSON;
const enter = document.getElementById("passkey");
if (enter && known) {
  enter.hidden = false;
  enter.addEventListener("click", () => run(async () => {
    const asked = await post("/signin/passkey/ask", {});
    const key = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked.options.publicKey) });
    return post("/signin/passkey/answer", { state: asked.state, answer: key.toJSON(), again: enter.dataset.again === "1", goal: enter.dataset.goal });
  }));
}
const add = document.getElementById("add");
if (add && known) {
  add.hidden = false;
  add.addEventListener("click", () => run(async () => {
    const asked = await post("/signin/passkey/begin", {});
    const key = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked.options.publicKey) });
    return post("/signin/passkey/add", { state: asked.state, answer: key.toJSON(), name: document.getElementById("label").value });
  }));
}
