/** A dead row and a conflict as they come about, on the operator's page: shown, and settled with the keyboard alone. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";
import { PATIENT } from "../setup/patience.ts";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { ADMIN, openAdmin, type Person, signUp, VIEWER } from "./operators.ts";
import { type Contested, openSetAside, type SetAside } from "./set-aside.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

const [EARLIER, LATER] = ["Let us say 35 EUR", "Let us say 45 EUR"];
let system: BrowserSystem;
let setAside: SetAside;
let browser: Browser;
let ada: Person;
let message: Contested;
let mend: () => Promise<void>;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN, VIEWER_EMAILS: VIEWER });
  browser = await openBrowser();
  setAside = await openSetAside(system);
  for (const email of [ADMIN, VIEWER]) await signUp(system.apiUrl, email);
  ada = await signUp(system.apiUrl, "ada@browser.test");
  const bao = await signUp(system.apiUrl, "bao@browser.test");
  message = await setAside.makeConflict(ada, bao, { earlier: EARLIER, later: LATER });
  mend = await setAside.makeDead(ada);
});
afterAll(async () => {
  await browser?.close();
  await setAside?.close();
  await system?.stop();
});

/** What of both is on the page. */
async function showsBoth(page: Page): Promise<void> {
  await page.getByRole("heading", { name: "Replication" }).waitFor();
  const dead = page.getByRole("region", { name: "Dead rows" }).getByRole("row", { name: /profiles/ });
  await dead.getByText("MongoDB", { exact: true }).waitFor();
  await dead.getByText(/failed validation/).waitFor();
  const conflicts = page.getByRole("region", { name: "Conflicts" });
  await conflicts.getByText("direct_messages").waitFor();
  // field, the version that stayed, and the other, in one row
  const cells = conflicts.getByRole("row", { name: /^content/ }).locator("th, td");
  await expect.poll(() => cells.allTextContents(), PATIENT).toEqual(["content", LATER, EARLIER]);
  await conflicts.getByRole("columnheader", { name: /^Stayed/ }).waitFor();
  await conflicts.getByRole("columnheader", { name: /^Other/ }).waitFor();
}

const open = async (email: string) => {
  const { page, context } = await openAdmin(browser, system.apiUrl, email, { problems });
  await page.goto(`${system.apiUrl}/admin#/replication`);
  await showsBoth(page);
  return { page, context };
};

/** Presses Tab until what has that name has the focus. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const on = document.activeElement;
      const label = on instanceof HTMLTextAreaElement ? on.labels?.[0]?.firstChild?.textContent : on?.textContent;
      return (label ?? "").trim();
    });
    if (typeof name === "string" ? focused === name : name.test(focused)) return;
  }
  throw new Error(`The keyboard does not come to "${name}".`);
}

/** In the dialog that is open: gives the reason and answers it. */
async function answer(page: Page, reason: string, verb: string): Promise<void> {
  await tabTo(page, "Reason");
  await page.keyboard.type(reason);
  await tabTo(page, verb);
  await page.keyboard.press("Enter");
}

const focusedText = (page: Page) => page.evaluate(() => document.activeElement?.textContent?.trim());

test("a viewer sees both, and has nothing to change them by", async () => {
  const { page, context } = await open(VIEWER);
  const buttons = await page.getByRole("button").allTextContents();
  expect(buttons.map((text) => text.trim())).toEqual(["Skip to the page", "Sign out"]);
  expect(await faultsOf(page)).toEqual([]);
  const token = await page.evaluate(() => JSON.parse(localStorage.getItem("switchyard-session") ?? "{}").access_token);
  const { replication } = createSwitchyardClient({ url: system.apiUrl, getToken: () => token }).admin;
  const refused = await replication.dead.retry.$post({ query: {}, header: {}, json: { reason: "because" } });
  expect(refused.status).toBe(403);
  await context.close();
});

test.each(["light", "dark"] as const)(
  "both are shown in %s, also on a narrow screen, and axe finds nothing",
  async (colorScheme) => {
    const { page, context } = await open(ADMIN);
    expect(await faultsOf(page, [colorScheme])).toEqual([]);
    await picture(page, `admin-set-aside-${colorScheme}`);
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, `admin-set-aside-${colorScheme}-narrow`);
    expect(await faultsOf(page, [colorScheme])).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await context.close();
  },
);

test("the keyboard alone decides the conflict, which is asked first, and both databases have what was chosen", async () => {
  const { page, context } = await open(ADMIN);
  await tabTo(page, /^Take the other version/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Take the other version" });
  await dialog.getByText("This affects 1 record.").waitFor();
  expect(await faultsOf(page)).toEqual([]);
  // asked, and not answered
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await message.says()).toEqual({ supabase: LATER, mongodb: LATER });
  await expect.poll(() => focusedText(page), PATIENT).toMatch(/^Take the other version/);
  await page.keyboard.press("Enter");
  await dialog.getByText("This affects 1 record.").waitFor();
  await answer(page, "asked both of them", "Take it");
  await dialog.getByText(/^Decided: it is version \d+ now\.$/).waitFor();
  await picture(page, "admin-conflict-decided");
  expect(await faultsOf(page)).toEqual([]);
  await expect.poll(() => focusedText(page), PATIENT).toBe("Close");
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Conflicts" }).getByText("There are none.").waitFor();
  // the button is gone that had the focus
  await expect.poll(() => focusedText(page), PATIENT).toBe("Conflicts");
  await expect.poll(() => message.says(), PATIENT).toEqual({ supabase: EARLIER, mongodb: EARLIER });
  await context.close();
});

test("the keyboard alone has the dead row tried again, and the page shows what becomes of it", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await page.getByRole("link", { name: "Replication" }).click();
  await page
    .getByRole("region", { name: "Dead rows" })
    .getByRole("row", { name: /profiles/ })
    .waitFor();
  await tabTo(page, /^Try all again/);
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Try again what was refused" });
  await dialog.getByText("This affects 1 row.").waitFor();
  await mend();
  await answer(page, "the validator is mended", "Try again");
  await dialog.getByText("1 row is tried again with the next run.").waitFor();
  await picture(page, "admin-dead-tried");
  expect(await faultsOf(page)).toEqual([]);
  await page.keyboard.press("Enter");
  const dead = page.getByRole("region", { name: "Dead rows" });
  await dead.getByText("There are none.").waitFor();
  await expect.poll(() => focusedText(page), PATIENT).toBe("Dead rows");
  await expect.poll(() => setAside.nameInCopy(ada), PATIENT).toMatch(/^Ada, Countess of Lovelace/);
  await page.getByRole("definition").nth(3).getByText("0", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Audit" }).click();
  for (const reason of ["asked both of them", "the validator is mended"])
    await page
      .getByRole("row", { name: new RegExp(`POST.*${reason}`) })
      .getByText("Done")
      .waitFor();
  expect(await page.getByRole("row", { name: /POST/ }).count()).toBe(2);
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
