/** What a newcomer is told who is refused, and what happens to a page whose session ends somewhere else. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { openAdmin } from "./operators.ts";
import * as visitor from "./start-visitor.ts";
import { homeOf } from "./start-visitor.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

const KNOWN = "known@start.test";
let system: BrowserSystem;
let browser: Browser;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: KNOWN });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

const open = (context = undefined as Parameters<typeof visitor.open>[1]) =>
  visitor.open({ browser, problems, apiUrl: system.apiUrl }, context);
const told = (page: Page, text: RegExp) => page.getByRole("alert").filter({ hasText: text }).waitFor();

test("a known address, a weak password, a wrong one, and too many tries are each said, and what was typed stays", async () => {
  const page = await open();
  await visitor.signUp(page, KNOWN);
  await homeOf(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await visitor.signUp(page, KNOWN);
  await told(page, /already/i);
  await picture(page, "start-known-address");
  expect(await faultsOf(page)).toEqual([]);
  const form = page.getByRole("form", { name: "Sign up" });
  expect(await form.getByLabel("E-mail").inputValue()).toBe(KNOWN);
  // the browser itself refuses it, before anything is sent
  await form.getByLabel("New password").fill("short");
  await form.getByRole("button", { name: "Sign up" }).click();
  expect(await form.getByLabel("New password").evaluate((field: HTMLInputElement) => field.validity.tooShort)).toBe(
    true,
  );
  await page.getByRole("button", { name: "Sign in" }).click();
  await visitor.signIn(page, KNOWN, "wrong horse battery");
  await told(page, /Invalid login credentials/i);
  await page.route("**/auth/v1/token?*", (route) =>
    route.fulfill({ status: 429, json: { code: "over_request_rate_limit", msg: "Request rate limit reached" } }),
  );
  await visitor.signIn(page, KNOWN);
  await told(page, /rate limit/i);
  await page.unroute("**/auth/v1/token?*");
  await visitor.signIn(page, KNOWN);
  await homeOf(page);
  await page.context().close();
});

test("who signs out in one tab is out in all, at the first page and at the operator's", async () => {
  const { page: admin, context } = await openAdmin(browser, system.apiUrl, KNOWN, { problems });
  const page = await open(context);
  await homeOf(page);
  await page.getByRole("button", { name: "Sign out" }).click();
  await admin.getByRole("button", { name: "Sign in" }).waitFor();
  expect(await admin.getByRole("navigation").count()).toBe(0);
  // nobody is in after a reload either
  await page.reload();
  await page.getByRole("form", { name: "Sign up" }).waitFor();
  await context.close();
});

test("whose session has ended elsewhere is asked to sign in again once their token is of no use", async () => {
  const page = await open();
  await visitor.signUp(page, "ended@start.test");
  await homeOf(page);
  // the token has run out, and Auth gives no other for it
  await page.evaluate(() => {
    const kept = JSON.parse(localStorage.getItem("switchyard-session") ?? "{}");
    const ended = { ...kept, expires_at: 1, expires_in: -1, refresh_token: "used-up" };
    localStorage.setItem("switchyard-session", JSON.stringify(ended));
  });
  await page.reload();
  await page.getByRole("form", { name: "Sign up" }).waitFor();
  await page.context().close();
});

test("no page had an error, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
