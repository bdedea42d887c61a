// The whole life of a rotation with two people at the mouse: nora proposes, omar
// approves, she watches, and he reads the audit log.
import { problem } from "./report.mjs";
import { enter, press, where } from "./people.mjs";

const patience = 60_000; // milliseconds, for what the pretended clouds take

// propose goes from the front page to a proposal and returns its address.
export async function propose(nora, task) {
  await enter(nora, task, "Nora Keller");
  const row = nora.getByRole("listitem").filter({ has: nora.getByRole("link", { name: task.application }) });
  await press(nora, row.getByRole("link", { name: "Plan rotation" }).first());
  await nora.getByLabel("Why").first().fill("It ends in a few days.");
  await press(nora, nora.getByRole("button", { name: "Look at the plan" }));
  await press(nora, nora.getByRole("button", { name: "Propose it" }));
  await nora.waitForURL(/\/rotations\/r-/);
  if (await nora.getByRole("link", { name: "Review and decide" }).count()) problem("who proposes is offered to decide");
  return where(nora);
}

// review goes from the sign-in to the proposal.
export async function review(omar, task) {
  await enter(omar, task, "Omar Haddad");
  await press(omar, omar.getByRole("navigation", { name: "Pages", exact: true }).getByRole("link", { name: "Approvals" }));
  await press(omar, omar.getByRole("main").getByRole("link", { name: task.application }).first());
  await omar.getByRole("button", { name: "Approve this plan" }).waitFor();
}

export async function approve(omar) {
  await press(omar, omar.getByRole("button", { name: "Approve this plan" }));
  await omar.waitForURL(/\/rotations\/r-/);
}

// watch waits for the end as the page says it, without a reload, and reads the audit log.
export async function watch(nora, omar, task, rotation) {
  await nora.getByText(/^Done .*its value is refused/).first().waitFor({ timeout: patience });
  await omar.goto(`${task.server}/audit?subject=${rotation.split("/")[2]}&limit=200`);
  for (const action of ["rotation.propose", "rotation.approve", "ended done"]) {
    if (!await omar.getByText(action).count()) problem(`the audit log does not show ${action}`);
  }
}
