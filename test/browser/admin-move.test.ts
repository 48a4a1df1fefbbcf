/** A user who is moved to another home and back, by the keyboard alone, as the operator's pages show it. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { ADMIN, fileExpenses, openAdmin, type Person, signUp } from "./operators.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;
let moved: Person;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN });
  browser = await openBrowser();
  await signUp(system.apiUrl, ADMIN);
  moved = await signUp(system.apiUrl, "moved@browser.test");
  await fileExpenses(system.apiUrl, moved, 5);
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

const focused = (page: Page) =>
  page.evaluate(() => {
    const { activeElement } = document;
    return `${activeElement?.tagName} ${activeElement?.getAttribute("aria-label") ?? activeElement?.textContent?.trim()}`;
  });

/** Presses Tab until what is focused fits. */
async function tabTo(page: Page, wanted: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const found = await focused(page);
    if (wanted.test(found)) return;
    passed.push(found);
  }
  throw new Error(`Tab came to no ${wanted}, but to ${passed.join(" | ")}`);
}

/** Gives the reason in the open dialog, and waits for what has become of it. */
async function goOn(page: Page, reason: string, outcome: RegExp): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByText("This affects 1 user.").waitFor();
  expect(await focused(page)).toMatch(/^TEXTAREA/);
  await page.keyboard.type(reason);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await dialog.getByText(outcome).waitFor();
  expect(await focused(page)).toBe("BUTTON Close");
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
}

const homeOf = async (page: Page): Promise<string | undefined> =>
  (await page.locator(".facts dd").first().textContent())?.trim();

test("a user is found, moved, and moved back, without a mouse", async () => {
  const { home } = moved;
  const other = home === "supabase" ? "mongodb" : "supabase";
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await tabTo(page, /^A Users$/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Users" }).waitFor();
  await tabTo(page, /^INPUT/);
  await page.keyboard.type("moved@");
  await expect.poll(() => page.locator("tbody th a").allTextContents(), PATIENT).toEqual([moved.email]);
  await tabTo(page, /^A moved@/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: moved.email }).waitFor();

  await tabTo(page, /^BUTTON Move …/);
  await page.keyboard.press("Enter");
  // what was opened by mistake is closed, and one is where one was
  await page.getByRole("dialog").getByText("This affects 1 user.").waitFor();
  await page.keyboard.press("Escape");
  expect(await focused(page)).toBe("BUTTON Move …");
  await page.keyboard.press("Enter");
  await goOn(page, "closer to them", /Move \d+ has begun/);
  await page.getByRole("list", { name: "How far it is" }).waitFor();
  await picture(page, "admin-move-under-way");
  await page.getByText("Done, old copy kept").waitFor();
  await expect.poll(() => homeOf(page), PATIENT).toBe(other);
  expect(await page.getByRole("row", { name: /expenses/ }).textContent()).toContain("5");
  await picture(page, "admin-move-done");
  expect(await faultsOf(page)).toEqual([]);

  await tabTo(page, /^BUTTON Undo …/);
  await page.keyboard.press("Enter");
  await goOn(page, "it was a mistake", /Move \d+ has begun/);
  await expect.poll(() => homeOf(page), PATIENT).toBe(home);
  await page.getByText("Followed by another move").waitFor();
  await page.getByText("Done, old copy kept").waitFor();
  expect(await page.getByRole("row", { name: /expenses/ }).textContent()).toContain("5");
  await picture(page, "admin-move-undone");

  await tabTo(page, /^BUTTON Take old copy away …/);
  await page.keyboard.press("Enter");
  await goOn(page, "nobody needs it", /is being taken away/);
  await page.getByText("Done, old copy gone").waitFor();
  await page.goto(`${system.apiUrl}/admin#/audit?subject=${moved.id}`);
  for (const reason of ["closer to them", "it was a mistake", "nobody needs it"])
    await page.getByRole("row", { name: new RegExp(`${reason}.*Done`) }).waitFor();
  await picture(page, "admin-move-audit");
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
