/** With Google at the operator's pages: who may, who may not, and where the project has no such way. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import { signUp } from "./operators.ts";
import * as visitor from "./start-visitor.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

const ADMIN = "gina@browser.test";
let system: BrowserSystem;
let browser: Browser;
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN });
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

const open = (path = "/admin") =>
  visitor.open({ browser, problems, apiUrl: system.apiUrl }, undefined, `${system.apiUrl}${path}`);

/** To the stand-in for Google and back, as that address. */
async function comeAs(page: Page, email: string): Promise<void> {
  await page.getByRole("button", { name: "Continue with Google" }).click();
  await page.getByPlaceholder("you@example.com").fill(email);
  await page.getByRole("button", { name: "Continue" }).click();
}

test("an admin comes in with Google, back to the same page, and signs out again", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Continue with Google" }).waitFor();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await picture(page, `admin-sign-in-google-${colorScheme}`);
  }
  expect(await faultsOf(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, "admin-sign-in-google-narrow");
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1_280, height: 900 });
  await comeAs(page, ADMIN);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByText("Admin", { exact: true }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/admin");
  expect(page.url()).not.toMatch(/token/);
  await page.getByRole("link", { name: "Databases" }).click();
  await page.getByRole("region", { name: "mongodb" }).getByRole("button", { name: "Change" }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Databases" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Continue with Google" }).waitFor();
  await page.context().close();
});

test("who comes in with Google, or was refused there, is where they were, and no token stays in the browser's history", async () => {
  const { id } = await signUp(system.apiUrl, "looked-at@browser.test");
  const page = await open(`/admin#/users/${id}`);
  await comeAs(page, ADMIN);
  await page.getByRole("heading", { name: "looked-at@browser.test" }).waitFor();
  expect(new URL(page.url()).hash).toBe(`#/users/${id}`);
  // once: the next time the address leads
  await page.goto(`${system.apiUrl}/admin#/audit`);
  await page.reload();
  await page.getByRole("heading", { name: "Audit" }).waitFor();
  const entries = await page.evaluate(() =>
    (globalThis as unknown as { navigation: { entries(): { url: string }[] } }).navigation
      .entries()
      .map(({ url }) => url),
  );
  expect(entries.filter((url) => /token/.test(url))).toEqual([]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Continue with Google" }).click();
  await page.getByPlaceholder("you@example.com").waitFor();
  await page.goto(`${system.apiUrl}/admin#error=access_denied&error_description=Not+you`);
  await page.getByRole("alert").filter({ hasText: "Not you" }).waitFor();
  expect(new URL(page.url()).hash).toBe("#/audit");
  await page.context().close();
});

test("what was put into the tab's memory by somebody else leads nowhere", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Continue with Google" }).waitFor();
  for (const planted of [
    "https://elsewhere.test/#/users",
    "/admin#javascript:alert(1)",
    "/#/users",
    "/admin#/<img src=x>",
  ]) {
    await page.evaluate((text) => sessionStorage.setItem("switchyard-place", text), planted);
    await page.goto(`${system.apiUrl}/admin?once=${Math.random()}#error=x&error_description=Not+you`);
    await page.getByRole("alert").filter({ hasText: "Not you" }).waitFor();
    expect(page.url()).toBe(`${system.apiUrl}/admin`);
  }
  await page.context().close();
});

test("needs no mouse", async () => {
  const page = await open();
  await page.getByRole("button", { name: "Continue with Google" }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim());
  for (let presses = 0; (await focused()) !== "Continue with Google"; presses++) {
    expect(presses).toBeLessThan(10);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByPlaceholder("you@example.com").waitFor();
  await page.context().close();
});

test("who is no operator comes in with Google as well, and is refused as with a password", async () => {
  const page = await open();
  await comeAs(page, "eve@browser.test");
  await page.getByRole("heading", { name: "Not for this account" }).waitFor();
  await page.getByText("This is for admins and viewers.").waitFor();
  await page.getByText("Signed in as eve@browser.test.").waitFor();
  expect(await page.getByRole("navigation").count()).toBe(0);
  await picture(page, "admin-google-refused");
  expect(await faultsOf(page)).toEqual([]);
  const token = await page.evaluate(() => JSON.parse(localStorage.getItem("switchyard-session") ?? "{}").access_token);
  const asked = await fetch(`${system.apiUrl}/api/admin/users`, { headers: { authorization: `Bearer ${token}` } });
  expect(asked.status).toBe(403);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").waitFor();
  await page.context().close();
});

test("whom Google or Auth has refused is told why, and once", async () => {
  const page = await open("/admin#error=access_denied&error_description=Sign-ups+are+closed");
  await page.getByRole("alert").filter({ hasText: "Sign-ups are closed" }).waitFor();
  expect(page.url()).not.toContain("error");
  await comeAs(page, ADMIN);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").waitFor();
  expect(await page.getByText("Sign-ups are closed").count()).toBe(0);
  await page.context().close();
});

test("a project without Google has a password for its only way", async () => {
  const context = await browser.newContext();
  const said = Promise.withResolvers<void>();
  await context.route("**/auth/v1/settings", async (route) => {
    const response = await route.fetch();
    const settings = (await response.json()) as { external: object };
    await route.fulfill({ response, json: { ...settings, external: { ...settings.external, google: false } } });
    said.resolve();
  });
  const page = await visitor.open({ browser, problems, apiUrl: system.apiUrl }, context, `${system.apiUrl}/admin`);
  await said.promise;
  await page.waitForLoadState("networkidle");
  await page.getByLabel("Password").waitFor();
  expect(await page.getByRole("button", { name: "Continue with Google" }).count()).toBe(0);
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
