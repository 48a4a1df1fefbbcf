/** The first page, as a newcomer walks through it. */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { faultsOf } from "./axe.ts";
import { openBrowser, picture } from "./browser.ts";
import * as visitor from "./start-visitor.ts";
import { file, homeOf, mailedLink, PASSWORD, rows, says, shown, signIn } from "./start-visitor.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

const FIRST_LOAD_BYTES = 80 * 1024;

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

const open = (context = undefined as Parameters<typeof visitor.open>[1], url = system.apiUrl) =>
  visitor.open({ browser, problems, apiUrl: system.apiUrl }, context, url);

async function signUp(email: string): Promise<Page> {
  const page = await open();
  await visitor.signUp(page, email);
  return page;
}

describe("a newcomer", () => {
  test("signs up, sees where they live, files an expense and keeps it over a reload", async () => {
    const page = await open();
    expect(await faultsOf(page)).toEqual([]);
    await picture(page, "start");
    await visitor.signUp(page, "newcomer@start.test");
    const home = await homeOf(page);
    expect(["supabase", "mongodb"]).toContain(home);
    await says(page, home === "supabase" ? /^Postgres$/ : /^MongoDB$/);
    await says(page, new RegExp(String(new Date().getFullYear())));
    await file(page, "12,5", "Lunch", "Food");
    await says(page, /Filed: 12\.50 EUR/);
    await file(page, "3.20", "Tea", "food");
    await says(page, /Filed: 3\.20 EUR/);
    await page.reload();
    await rows(page).nth(1).waitFor();
    expect(await shown(page)).toEqual(["Tea", "3.20 EUR", "Lunch", "12.50 EUR"]);
    // one category, found by its name however it is written
    await expect.poll(() => page.locator(".expenses").textContent(), PATIENT).toMatch(/Food.*Food/);
    expect(await faultsOf(page)).toEqual([]);
    await picture(page, "start-home");
    await page.getByRole("button", { name: "Change Tea" }).click();
    const form = page.getByRole("form", { name: "Change Tea" });
    await form.getByLabel("Amount").fill("4");
    expect(await faultsOf(page)).toEqual([]);
    await form.getByRole("button", { name: "Save" }).click();
    await expect.poll(() => shown(page), PATIENT).toEqual(["Tea", "4.00 EUR", "Lunch", "12.50 EUR"]);
    await page.getByRole("button", { name: "Delete Tea" }).click();
    await page.getByRole("button", { name: "Delete it" }).click();
    await expect.poll(() => shown(page), PATIENT).toEqual(["Lunch", "12.50 EUR"]);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("form", { name: "Sign up" }).waitFor();
  });

  test("needs no mouse", async () => {
    await signUp("keys@start.test").then((page) => page.getByRole("button", { name: "Sign out" }).click());
    const page = await open();
    const { keyboard } = page;
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 60; presses++) {
        await keyboard.press("Tab");
        const focused = await page.evaluate(() => {
          const on = document.activeElement;
          const label = on instanceof HTMLInputElement ? on.labels?.[0]?.textContent : on?.textContent;
          return on?.getAttribute("aria-label") ?? label ?? "";
        });
        if (focused.trim() === name) return;
      }
      throw new Error(`The keyboard does not come to "${name}".`);
    };
    await tabTo("Sign in");
    await keyboard.press("Enter");
    await tabTo("E-mail");
    await keyboard.type("keys@start.test");
    await tabTo("Password");
    await keyboard.type(PASSWORD);
    await keyboard.press("Enter");
    await homeOf(page);
    await says(page, /None yet/);
    await tabTo("Amount");
    await keyboard.type("7");
    await tabTo("What for?");
    await keyboard.type("Bread");
    await keyboard.press("Enter");
    await says(page, /Filed: 7\.00/);
    await tabTo("Change Bread");
    await keyboard.press("Enter");
    await page.getByRole("form", { name: "Change Bread" }).waitFor();
    await tabTo("Amount");
    await keyboard.type("8");
    await keyboard.press("Enter");
    await expect.poll(() => shown(page), PATIENT).toEqual(["Bread", "8.00 EUR"]);
    await tabTo("Delete Bread");
    await keyboard.press("Enter");
    await page.getByRole("button", { name: "Delete it" }).waitFor();
    await keyboard.press("Enter");
    await says(page, /Deleted\./);
  });

  test("comes in with Google", async () => {
    const page = await open();
    await page.getByRole("button", { name: "Continue with Google" }).click();
    await page.getByPlaceholder("you@example.com").fill("gina@start.test");
    await page.getByRole("button", { name: "Continue" }).click();
    expect(["supabase", "mongodb"]).toContain(await homeOf(page));
    await says(page, /gina@start\.test/);
    expect(page.url()).not.toContain("access_token");
  });

  test("who forgot their password is sent a link, and sets another", async () => {
    const email = "forgetful@start.test";
    const page = await signUp(email);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Forgot your password?" }).click();
    await page.getByLabel("E-mail").fill(email);
    await page.getByRole("button", { name: "Send me a link" }).click();
    await says(page, /on its way to forgetful@start\.test/);
    expect(await faultsOf(page)).toEqual([]);
    await page.goto(await mailedLink(system.apiUrl, email));
    await page.getByRole("heading", { name: "Set a new password" }).waitFor();
    expect(await faultsOf(page)).toEqual([]);
    await page
      .getByLabel("New password", { exact: false })
      .and(page.getByRole("textbox"))
      .fill("another horse battery");
    await page.getByRole("button", { name: "Set it" }).click();
    await homeOf(page);
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in" }).click();
    await signIn(page, email, PASSWORD);
    await says(page, /Invalid login credentials/i);
    await signIn(page, email, "another horse battery");
    await homeOf(page);
  });

  test("whose link is of no use any more is told so", async () => {
    const page = await open(undefined, `${system.apiUrl}/#error=access_denied&error_description=The+link+has+expired`);
    await says(page, /The link has expired/);
    expect(page.url()).not.toContain("error");
  });
});

describe("expenses", () => {
  test("a change that somebody else was before (412) shows both, and the person decides", async () => {
    const page = await signUp("two-tabs@start.test");
    await file(page, "10", "Tickets");
    await rows(page).waitFor();
    const other = await open(page.context());
    const change = async (at: Page, amount: string) => {
      await at.getByRole("button", { name: "Change Tickets" }).click();
      const form = at.getByRole("form", { name: "Change Tickets" });
      await form.getByLabel("Amount").fill(amount);
      await form.getByRole("button", { name: "Save" }).click();
    };
    await change(other, "20");
    await expect.poll(() => shown(other), PATIENT).toEqual(["Tickets", "20.00 EUR"]);
    await change(page, "30");
    await says(page, /Somebody changed this expense meanwhile/);
    expect(await page.locator(".theirs dd").allTextContents()).toEqual([
      expect.stringMatching(/^20\.00 EUR · .+ · Tickets$/),
      expect.stringMatching(/^30 EUR · .+ · Tickets$/),
    ]);
    expect(await faultsOf(page)).toEqual([]);
    await picture(page, "start-412");
    await page.getByRole("button", { name: "Save mine over it" }).click();
    await expect.poll(() => shown(page), PATIENT).toEqual(["Tickets", "30.00 EUR"]);
    await other.getByRole("button", { name: "Delete Tickets" }).click();
    await other.getByRole("button", { name: "Delete it" }).click();
    await says(other, /Somebody changed this expense meanwhile/);
    await other.getByRole("button", { name: "Keep it as it is" }).click();
    expect(await shown(other)).toEqual(["Tickets", "30.00 EUR"]);
  });

  test("while the database is away the page says when to try again, and the same press then makes one", async () => {
    const pages = [await signUp("north@start.test"), await signUp("south@start.test")];
    const homes = await Promise.all(pages.map(homeOf));
    expect([...homes].sort()).toEqual(["mongodb", "supabase"]);
    const away = pages[homes.indexOf("mongodb")] as Page;
    const there = pages[homes.indexOf("supabase")] as Page;
    await system.mongo.set("refuse");
    await file(away, "5", "Coffee");
    await says(away, /cannot be reached just now. Please try again in \d+ s/);
    await picture(away, "start-503");
    await file(there, "6", "Tea");
    await says(there, /Filed/);
    await system.mongo.set("pass");
    await expect
      .poll(async () => {
        await away.getByRole("button", { name: "File it" }).click();
        return away.locator("main").textContent();
      }, PATIENT)
      .toMatch(/Filed: 5\.00/);
    await away.reload();
    await rows(away).first().waitFor();
    expect(await shown(away)).toEqual(["Coffee", "5.00 EUR"]);
  });

  test("what is typed next stays where it is typed, however late the list comes", async () => {
    const page = await signUp("quick@start.test");
    await says(page, /None yet/);
    const { promise: asked, resolve: release } = Promise.withResolvers<void>();
    await page.route(/\/api\/expenses\?/, async (route) => {
      await asked;
      await route.continue();
    });
    await file(page, "4", "Soap");
    await says(page, /Filed: 4\.00/);
    const form = page.getByRole("form", { name: "File an expense" });
    const hasFocus = (name: string) => form.getByLabel(name).evaluate((field) => field === document.activeElement);
    expect(await hasFocus("Amount")).toBe(true);
    await form.getByLabel("What for?").focus();
    release();
    await rows(page).first().waitFor();
    await form.and(page.locator("[aria-busy=false]")).waitFor();
    expect(await hasFocus("What for?")).toBe(true);
  });

  test("come a page at a time, and say so when they are read from a copy", async () => {
    const page = await signUp("many@start.test");
    await homeOf(page);
    const token = await page.evaluate(
      () => JSON.parse(localStorage.getItem("switchyard-session") ?? "{}").access_token,
    );
    for (let n = 1; n <= 23; n++)
      await fetch(`${system.apiUrl}/api/expenses`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ amount: `${n}`, currency: "EUR", date: "2026-03-14", description: `No. ${n}` }),
      });
    await page.route("**/api/expenses?*", async (route) => {
      const response = await route.fetch();
      await route.fulfill({
        response,
        headers: { ...response.headers(), "x-data-source": "replica", "x-complete-up-to": "2026-03-14T12:00:00.000Z" },
      });
    });
    await page.reload();
    await says(page, /From the copy, complete up to .*2026/);
    for (const count of [20, 23]) {
      await page.getByRole("button", { name: "Show more" }).click();
      await expect.poll(() => rows(page).count(), PATIENT).toBe(count);
    }
    expect(await page.getByRole("button", { name: "Show more" }).count()).toBe(0);
    expect(await rows(page).locator(".for").allTextContents()).toEqual(
      Array.from({ length: 23 }, (_, at) => `No. ${23 - at}`),
    );
  });
});

describe("the page", () => {
  test("shows the code that runs", async () => {
    const page = await open();
    await page.getByRole("button", { name: "google.ts" }).click();
    const file = await readFile(new URL("../../web/start/actions/google.ts", import.meta.url), "utf8");
    expect(await page.locator(".code code").textContent()).toBe(file.trimEnd());
  });

  test(`loads no more than ${FIRST_LOAD_BYTES / 1024} kB at first`, async () => {
    const page = await open();
    const urls = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
    const files = [system.apiUrl, ...urls.filter((url) => url.includes("/assets/"))];
    expect(files.length).toBeGreaterThan(3);
    const sizes = await Promise.all(
      files.map(async (url) => gzipSync(Buffer.from(await (await fetch(url)).arrayBuffer())).length),
    );
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(FIRST_LOAD_BYTES);
  });

  test("fits a narrow screen, in light and dark", async () => {
    const page = await signUp("narrow@start.test");
    await file(page, "1234.5", "A journey with a rather long description, by train", "Travel");
    await rows(page).waitFor();
    for (const [width, height] of [
      [390, 844],
      [1280, 900],
    ] as const) {
      await page.setViewportSize({ width, height });
      for (const colorScheme of ["dark", "light"] as const) {
        await page.emulateMedia({ colorScheme });
        await picture(page, `start-${width}-${colorScheme}`);
      }
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    }
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, "start-out-390");
    await page.emulateMedia({ colorScheme: "dark" });
    await picture(page, "start-out-390-dark");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  });
});

test("no page had an error, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
