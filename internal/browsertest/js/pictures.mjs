// The pictures of the documentation.
const wide = { width: 1440, height: 860 };
const narrow = { width: 360, height: 740 };

async function picture(page, task, name, path, size, theme) {
  await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: theme });
  if (path) await page.goto(task.server + path);
  await page.screenshot({ path: `${task.images}/${name}.png` });
  await page.setViewportSize({ width: 1440, height: 900 });
}

// signInPicture is taken before anybody has signed in.
export const signInPicture = (page, task) => picture(page, task, "signin", "/signin", { width: 720, height: 420 }, "light");

// reviewPicture is of the page where somebody decides.
export const reviewPicture = (page, task) => picture(page, task, "approval", "", wide, "light");

// pictures are those of what can be seen at any time.
export async function pictures(page, task, rotation) {
  await picture(page, task, "home", "/", wide, "light");
  await picture(page, task, "home-dark", "/", wide, "dark");
  await picture(page, task, "home-narrow", "/", narrow, "light");
  await picture(page, task, "credentials", "/credentials", wide, "light");
  await picture(page, task, "rotation", rotation, wide, "light");
  await picture(page, task, "rotation-narrow", rotation, narrow, "dark");
  const shared = await page.goto(task.server + "/consumers").then(() => page.getByRole("main").getByRole("link", { name: "Invoice export to Basware" }).first().getAttribute("href"));
  await picture(page, task, "consumer-dark", shared, wide, "dark");
}
