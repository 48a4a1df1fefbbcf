/** The first page where addresses have to be confirmed, as a project has it. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { homeOf, open, says, signIn, signUp } from "./start-visitor.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;

beforeAll(async () => {
  system = await startBrowserSystem({ SWITCHYARD_CONFIRM_EMAIL: "1" });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

test("the page says so, sends the mail again, and its link leads in", async () => {
  const email = "unconfirmed@start.test";
  const problems: string[] = [];
  const page = await open({ browser, problems, apiUrl: system.apiUrl });
  await signUp(page, email);
  await page.getByRole("heading", { name: "Confirm your address" }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await picture(page, "start-confirm");
  await page.getByRole("button", { name: "Back to signing in" }).click();
  await signIn(page, email);
  await page.getByRole("button", { name: "Send it again" }).click();
  await says(page, /you can only request this after 59 seconds/);
  // as it answers a minute later
  await page.route("**/auth/v1/resend?*", (route) => route.fulfill({ json: {} }));
  await page.getByRole("button", { name: "Send it again" }).click();
  await says(page, /Another mail is on its way/);
  const opened = page.context().waitForEvent("page");
  await page.getByRole("link", { name: "mailbox", exact: true }).click();
  const mailbox = await opened;
  await mailbox.getByRole("link", { name: /^http/ }).first().waitFor();
  expect(await faultsOf(mailbox)).toEqual([]);
  await picture(mailbox, "mailbox");
  await mailbox.getByRole("link", { name: /^http/ }).first().click();
  expect(["supabase", "mongodb"]).toContain(await homeOf(mailbox));
  expect(problems).toEqual([]);
});
