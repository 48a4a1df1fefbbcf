/**
 * Where the focus is on the operator's pages: with what is shown in the same moment, so that the next key is for it, and not
 * lost with what goes from the page.
 */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { openBrowser } from "./browser.ts";
import { ADMIN, openAdmin, type Person, signUp } from "./operators.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;
let ada: Person;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN });
  browser = await openBrowser();
  await signUp(system.apiUrl, ADMIN);
  ada = await signUp(system.apiUrl, "ada@browser.test");
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** Does it, and says what has the focus in the very change of the page in which that appears, before the browser paints it. */
async function focusedWith(page: Page, selector: string, act: () => Promise<unknown>): Promise<string> {
  await page.evaluate((wanted) => {
    const scope = globalThis as unknown as { seen: string | undefined };
    scope.seen = undefined;
    const watch = new MutationObserver(() => {
      if (!document.querySelector(wanted)) return;
      watch.disconnect();
      const on = document.activeElement;
      scope.seen = `${on?.tagName} ${on?.getAttribute("name") ?? on?.textContent?.trim()}`;
    });
    watch.observe(document.body, { childList: true, subtree: true, characterData: true });
  }, selector);
  await act();
  const seen = () => page.evaluate(() => (globalThis as unknown as { seen?: string }).seen);
  await expect.poll(seen, PATIENT).toBeDefined();
  return (await seen()) ?? "";
}
const focused = (page: Page) =>
  page.evaluate(() => {
    const on = document.activeElement;
    return `${on?.tagName} ${on?.getAttribute("name") ?? on?.textContent?.trim()}`;
  });

test("comes with a page, a form, a dialog and its outcome, and goes back to where one was", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  const link = page.getByRole("link", { name: "Databases" });
  expect(await focusedWith(page, "a[href='#/databases'][aria-current]", () => link.press("Enter"))).toBe(
    "H1 Databases",
  );
  const card = page.getByRole("region", { name: "mongodb" });
  const change = card.getByRole("button", { name: "Change" });
  expect(await focusedWith(page, ".settings", () => change.press("Enter"))).toBe("INPUT accepting");
  // what was opened by mistake
  await card.getByRole("button", { name: "Cancel" }).press("Enter");
  await expect.poll(() => focused(page), PATIENT).toBe("BUTTON Change …");
  await page.keyboard.press("Enter");
  await card.getByLabel("Weight").fill("3");
  expect(await focusedWith(page, "dialog", () => page.keyboard.press("Enter"))).toBe("TEXTAREA reason");
  const dialog = page.getByRole("dialog", { name: "Change mongodb" });
  await dialog.getByText("This affects 1 database.").waitFor();
  await page.keyboard.type("more for mongodb");
  const run = dialog.getByRole("button", { name: "Change" });
  expect(await focusedWith(page, "dialog .notice.good", () => run.press("Enter"))).toBe("BUTTON Close");
  await page.keyboard.press("Enter");
  await expect.poll(() => focused(page), PATIENT).toBe("BUTTON Change …");
  await context.close();
});

test("is kept where a change takes away what had it", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await page.getByRole("link", { name: "Databases" }).click();
  const policy = page.getByRole("region", { name: "New users" });
  await policy.getByLabel("Chosen by").selectOption("size");
  await policy.getByRole("button", { name: "Change" }).press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("This affects 2 databases.").waitFor();
  await page.keyboard.type("by bytes");
  await dialog.getByRole("button", { name: "Change" }).press("Enter");
  await dialog.getByRole("button", { name: "Close" }).press("Enter");
  // the button is off: there is nothing to change
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName), PATIENT).toBe("SELECT");
  await page.goto(`${system.apiUrl}/admin#/users/${ada.id}`);
  await page.getByRole("button", { name: "Move …" }).press("Enter");
  await dialog.getByText("This affects 1 user.").waitFor();
  await page.keyboard.type("closer");
  await dialog.getByRole("button", { name: "Move" }).press("Enter");
  await dialog.getByText(/has begun/).waitFor();
  await dialog.getByRole("button", { name: "Close" }).press("Enter");
  // while a move is under way, no other can be begun
  await expect.poll(() => focused(page), PATIENT).toBe(`H1 ${ada.email}`);
  await context.close();
});

test("stays in a dialog that is opened again in the moment in which it was closed", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await page.goto(`${system.apiUrl}/admin#/databases`);
  const policy = page.getByRole("region", { name: "New users" });
  await policy.getByLabel("Chosen by").selectOption({ index: 0 });
  const values = await policy.getByLabel("Chosen by").locator("option").allTextContents();
  await policy.getByLabel("Chosen by").selectOption({ index: values.length - 1 });
  const change = policy.getByRole("button", { name: "Change" });
  const dialog = page.getByRole("dialog");
  for (let times = 0; times < 5; times++) {
    await change.click();
    await dialog.getByText("This affects 2 databases.").waitFor();
    // the browser tells of the end some time after it; what a quick hand, or a slow machine, does in between
    await change.evaluate(
      (button) =>
        new Promise((resolve) => {
          const first = document.querySelector("dialog");
          first?.addEventListener("close", () => requestAnimationFrame(() => requestAnimationFrame(resolve)));
          first?.close();
          (button as HTMLButtonElement).click();
        }),
    );
    expect(await dialog.count()).toBe(1);
    await dialog.getByText("This affects 2 databases.").waitFor();
    expect(await focused(page)).toBe("TEXTAREA reason");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  }
  await context.close();
});

test("comes to the title with the next page of a list, and is not taken from who is typing", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  // a list of many pages
  await page.route("**/api/admin/users?*", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), next_cursor: "next" } });
  });
  await page.route("**/api/admin/users?*cursor=next*", (route) =>
    route.fulfill({ json: { items: [], next_cursor: null } }),
  );
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByRole("link", { name: "Next page" }).press("Enter");
  await page.getByText("This is the last page.").waitFor();
  expect(await focused(page)).toBe("H1 Users");
  await page.getByLabel("Address or id").fill("ada@");
  await expect.poll(() => page.locator("tbody th a").allTextContents(), PATIENT).toEqual([ada.email]);
  expect(await focused(page)).toBe("INPUT q");
  await page.goBack();
  await expect.poll(() => page.getByLabel("Address or id").inputValue(), PATIENT).toBe("");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
