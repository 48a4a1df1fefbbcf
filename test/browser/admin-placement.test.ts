/** By what new users' homes are chosen, on the operator's page: it is asked first, set with a reason, and a viewer reads it. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { ADMIN, openAdmin, type Person, signUp, VIEWER } from "./operators.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;
let admin: Person;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN, VIEWER_EMAILS: VIEWER });
  browser = await openBrowser();
  admin = await signUp(system.apiUrl, ADMIN);
  await signUp(system.apiUrl, VIEWER);
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

async function policySet(): Promise<string> {
  const api = createSwitchyardClient({ url: system.apiUrl, getToken: () => admin.token });
  const answer = await api.admin.placement.$get();
  if (answer.status !== 200) throw new Error(`the policy: ${answer.status}`);
  return (await answer.json()).policy;
}

test("an admin changes it, and the reason stands in the audit", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await page.getByRole("link", { name: "Databases" }).click();
  const card = page.getByRole("region", { name: "New users" });
  await card.getByText("are chosen by count: fewest users for its weight.").waitFor();
  expect(await card.getByRole("button", { name: "Change" }).isDisabled()).toBe(true);
  await card.getByLabel("Chosen by").selectOption("size");
  await card.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog", { name: "Choose new users' homes otherwise" });
  await dialog.getByText("By count → by size: fewest bytes for its weight.").waitFor();
  await dialog.getByText("This affects 2 databases.").waitFor();
  expect(await policySet()).toBe("count");
  await dialog.getByLabel("Reason").fill("mongodb is small");
  await dialog.getByRole("button", { name: "Change" }).click();
  await dialog.getByText("are chosen by size: fewest bytes for its weight.").waitFor();
  expect(await policySet()).toBe("size");
  await dialog.getByRole("button", { name: "Close" }).click();
  await card.getByText("are chosen by size: fewest bytes for its weight.").waitFor();
  await picture(page, "admin-placement");
  expect(await faultsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, "admin-placement-narrow");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.getByRole("link", { name: "Audit" }).click();
  await page
    .getByRole("row", { name: /PUT.*mongodb is small/ })
    .getByText("Done")
    .waitFor();
  await context.close();
});

test("a viewer reads it, and has nothing to change it by", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, VIEWER, { problems });
  await page.getByRole("link", { name: "Databases" }).click();
  const card = page.getByRole("region", { name: "New users" });
  await card.getByText("are chosen by").waitFor();
  expect(await card.getByRole("button").or(card.getByRole("combobox")).count()).toBe(0);
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
