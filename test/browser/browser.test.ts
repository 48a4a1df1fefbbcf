/** What people see: the reference of the API, and a page of another origin that uses the API. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENT, WAITS_MS } from "../setup/patience.ts";
import { openBrowser, picture } from "./browser.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** A page whose errors and calls to anywhere but this machine are remembered. */
async function open(context: BrowserContext, url: string): Promise<Page> {
  context.setDefaultTimeout(WAITS_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") problems.push(request.url());
  });
  await page.goto(url);
  return page;
}

async function signUp(email: string): Promise<{ context: BrowserContext; page: Page; home: string }> {
  const context = await browser.newContext();
  const page = await open(context, system.pageUrl);
  await page.locator("body[data-ready]").waitFor();
  await page.getByPlaceholder("E-mail").fill(email);
  await page.getByPlaceholder("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.locator("body[data-home]").waitFor();
  return { context, page, home: (await page.locator("body").getAttribute("data-home")) ?? "" };
}

async function add(page: Page, amount: string, description: string): Promise<void> {
  await page.getByPlaceholder("12.50").fill(amount);
  await page.getByPlaceholder("What for?").fill(description);
  await page.getByRole("button", { name: "Add" }).click();
}
const says = (page: Page, text: RegExp) => page.locator("#message").filter({ hasText: text }).waitFor();
const entries = (page: Page) => page.locator("#expenses li > span").allTextContents();

test("the reference shows every route, and makes a call", async () => {
  const { page: site, context } = await signUp("reader@browser.test");
  const token = await site.evaluate(() => {
    const stored = Object.entries(localStorage).find(([key]) => key.endsWith("-auth-token"))?.[1];
    return JSON.parse(stored ?? "{}").access_token as string;
  });
  const page = await open(context, `${system.apiUrl}/api/docs`);
  // of so many routes the page draws those that are in sight
  const far = page.getByText("/api/loan_payments", { exact: true }).first();
  for (let at = 0; !(await far.isVisible()); at += 300) await page.evaluate((top) => scrollTo(0, top % 20_000), at);
  await page.evaluate(() => scrollTo(0, 0));
  await picture(page, "docs");
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const credentials = page.locator(".auth-container").filter({ hasText: "bearer (http, Bearer)" });
  await credentials.locator("input").fill(token);
  await credentials.getByRole("button", { name: "Apply credentials" }).click();
  await credentials.getByRole("button", { name: "Close" }).click();
  const operation = page
    .locator(".opblock")
    .filter({ has: page.getByText("/api/me", { exact: true }) })
    .first();
  await operation.locator(".opblock-summary").click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table");
  await answer.waitFor();
  await picture(page, "docs-call");
  expect(await answer.locator(".response-col_status").last().textContent()).toContain("200");
  expect(await answer.textContent()).toContain("reader@browser.test");
  await context.close();
});

describe("a page of another origin", () => {
  test("signs up, files an expense, and keeps it over a reload", async () => {
    const { page, context } = await signUp("first@browser.test");
    await add(page, "12.5", "Lunch");
    await says(page, /Added/);
    await picture(page, "page");
    await page.reload();
    await page.locator("#expenses li").waitFor();
    expect(await entries(page)).toEqual(["Lunch: 12.50 EUR"]);
    await context.close();
  });

  test("shows the entry as it stands when somebody else changed it first (412)", async () => {
    const { page, context } = await signUp("two-tabs@browser.test");
    await add(page, "10", "Tickets");
    await says(page, /Added/);
    const other = await open(context, system.pageUrl);
    await other.locator("#expenses li input").fill("20");
    await other.getByRole("button", { name: "Change" }).click();
    await says(other, /Changed/);
    await page.locator("#expenses li input").fill("30");
    await page.getByRole("button", { name: "Change" }).click();
    await says(page, /Somebody changed this entry meanwhile/);
    await picture(page, "page-412");
    expect(await entries(page)).toEqual(["Tickets: 20.00 EUR"]);
    await context.close();
  });

  test("says when to try again while its database is away (503), and the same press then makes one entry", async () => {
    const users = [await signUp("north@browser.test"), await signUp("south@browser.test")];
    expect(users.map(({ home }) => home).sort()).toEqual(["mongodb", "supabase"]);
    const [away, there] = ["mongodb", "supabase"].map((home) => users.find((user) => user.home === home)?.page);
    if (!away || !there) throw new Error("two homes are needed");
    await system.mongo.set("refuse");
    await add(away, "5", "Coffee");
    await says(away, /cannot be reached just now. Please try again in \d+ s/);
    await picture(away, "page-503");
    await add(there, "6", "Tea");
    await says(there, /Added/);
    await system.mongo.set("pass");
    await expect
      .poll(async () => {
        await away.getByRole("button", { name: "Add" }).click();
        return away.locator("#message").textContent();
      }, PATIENT)
      .toMatch(/Added/);
    await away.reload();
    await away.locator("#expenses li").first().waitFor();
    expect(await entries(away)).toEqual(["Coffee: 5.00 EUR"]);
    for (const { context } of users) await context.close();
  });
});

test("no page had an error, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
