/** The operator's pages: each of them for both roles, in light and dark and on a narrow screen, and with a database away. */
import { readdir, readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { faultsOf } from "./axe.ts";
import { noteBackups } from "./backups.ts";
import { openBrowser, picture } from "./browser.ts";
import { ADMIN, fileExpenses, openAdmin, type Person, signUp, VIEWER } from "./operators.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

const FIRST_LOAD_BYTES = 80 * 1024;
let system: BrowserSystem;
let browser: Browser;
let people: Person[];
const problems: string[] = [];

beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN, VIEWER_EMAILS: VIEWER });
  browser = await openBrowser();
  people = [];
  for (const email of [ADMIN, VIEWER, "ada@browser.test", "bao@browser.test", "chidi@browser.test"])
    people.push(await signUp(system.apiUrl, email));
  for (const person of people.slice(2)) await fileExpenses(system.apiUrl, person, 3);
  await noteBackups(system.data);
});
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

const person = (email: string): Person => {
  const found = people.find((one) => one.email === email);
  if (!found) throw new Error(`nobody is ${email}`);
  return found;
};

/** Each page: how one comes to it, and what shows that it is there. */
const PAGES: readonly { name: string; address: () => string; shows: (page: Page) => Promise<void> }[] = [
  {
    name: "overview",
    address: () => "#/",
    shows: async (page) => {
      await page
        .getByRole("row", { name: /supabase.*%/ })
        .first()
        .waitFor();
      await page.getByText("Requests a minute").waitFor();
      await page.getByText("Healthy").nth(1).waitFor();
    },
  },
  {
    name: "users",
    address: () => "#/users",
    shows: (page) => page.getByRole("link", { name: "chidi@browser.test" }).waitFor(),
  },
  {
    name: "user",
    address: () => `#/users/${person("ada@browser.test").id}`,
    shows: (page) => page.getByRole("row", { name: /expenses.*3/ }).waitFor(),
  },
  {
    name: "databases",
    address: () => "#/databases",
    shows: (page) => page.getByText("Takes new users").nth(1).waitFor(),
  },
  {
    name: "replication",
    address: () => "#/replication",
    shows: async (page) => {
      await page.getByRole("heading", { name: "Dead rows" }).waitFor();
      await page.getByText("There are none.").nth(1).waitFor();
    },
  },
  {
    name: "backups",
    address: () => "#/backups",
    shows: async (page) => {
      await page.getByRole("row", { name: /Full.*daily-2.*Verified/ }).waitFor();
      await page.getByRole("row", { name: /expenses only.*daily-1.*Damaged/ }).waitFor();
    },
  },
  {
    name: "audit",
    address: () => "#/audit",
    shows: (page) => page.getByRole("row", { name: /PATCH.*more for mongodb/ }).waitFor(),
  },
];

test("the first load takes less than 80 kB, compressed", async () => {
  const html = await readFile("public/admin/index.html", "utf8");
  const loaded = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(loaded.length).toBeGreaterThan(1);
  const files = await Promise.all(loaded.map((path) => readFile(`public/${path}`)));
  const bytes = files.reduce((sum, file) => sum + gzipSync(file).length, gzipSync(html).length);
  expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  expect(await readdir("public/admin")).toContain("index.html");
});

test("a change asks first, wants a reason, says what became of it, and stands in the audit", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await page.getByRole("link", { name: "Databases" }).click();
  const card = page.getByRole("region", { name: "mongodb" });
  await card.getByRole("button", { name: "Change" }).click();
  await card.getByLabel("Weight").fill("7");
  await card.getByRole("button", { name: "Change" }).click();
  const dialog = page.getByRole("dialog", { name: "Change mongodb" });
  await dialog.getByText("Weight: 1 → 7").waitFor();
  await dialog.getByText("This affects 1 database.").waitFor();
  await picture(page, "admin-ask");
  expect(await faultsOf(page)).toEqual([]);
  // without a reason nothing is sent
  await dialog.getByRole("button", { name: "Change" }).click();
  await dialog.getByLabel("Reason").fill("more for mongodb");
  await dialog.getByRole("button", { name: "Change" }).click();
  await dialog.getByText("mongodb takes new users, with weight 7.").waitFor();
  await picture(page, "admin-outcome");
  await dialog.getByRole("button", { name: "Close" }).click();
  // not its users, of whom there are fewer
  await card.getByRole("definition").filter({ hasText: /^7$/ }).waitFor();
  await page.getByRole("link", { name: "Audit" }).click();
  const line = page.getByRole("row", { name: /PATCH.*more for mongodb/ });
  await line.getByText("Done").waitFor();
  expect(await page.getByRole("row", { name: /PATCH/ }).count()).toBe(1);
  await context.close();
});

describe.each(["light", "dark"] as const)("in %s", (colorScheme) => {
  test.each(PAGES)("$name is there for an admin, and axe finds nothing", async ({ name, address, shows }) => {
    const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { colorScheme, problems });
    await page.goto(`${system.apiUrl}/admin${address()}`);
    await shows(page);
    await picture(page, `admin-${name}-${colorScheme}`);
    expect(await faultsOf(page, [colorScheme])).toEqual([]);
    for (const summary of await page.locator("summary").all()) await summary.click();
    expect(await faultsOf(page, [colorScheme])).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await picture(page, `admin-${name}-${colorScheme}-narrow`);
    expect(await faultsOf(page, [colorScheme])).toEqual([]);
    // what is too wide scrolls in its own place
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await context.close();
  });
});

test.each(PAGES)("a viewer sees $name, and nothing that changes anything", async ({ address, shows }) => {
  const { page, context } = await openAdmin(browser, system.apiUrl, VIEWER, { problems });
  await page.goto(`${system.apiUrl}/admin${address()}`);
  await shows(page);
  const buttons = await page.getByRole("button").allTextContents();
  const changeNothing = ["Skip to the page", "Sign out", "Search"];
  expect(buttons.filter((text) => !changeNothing.includes(text.trim()))).toEqual([]);
  expect(await faultsOf(page)).toEqual([]);
  await context.close();
});

test("who is no operator is told so", async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${system.apiUrl}/admin`);
  await page.getByLabel("E-mail").fill("ada@browser.test");
  await page.getByLabel("Password").fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: /\w/ }).waitFor();
  await picture(page, "admin-sign-in");
  expect(await faultsOf(page)).toEqual([]);
  await page.getByLabel("Password").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Not for this account" }).waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("E-mail").waitFor();
  await context.close();
});

test("users are found by the server, and what is searched for stands in the address", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, VIEWER, { problems });
  await page.getByRole("link", { name: "Users" }).click();
  await page.getByLabel("Address or id").fill("BAO@");
  await expect.poll(() => page.locator("tbody th a").allTextContents(), PATIENT).toEqual(["bao@browser.test"]);
  expect(page.url()).toContain("q=BAO");
  await page.getByLabel("Address or id").fill(person("chidi@browser.test").id.slice(0, 18));
  await expect.poll(() => page.locator("tbody th a").allTextContents(), PATIENT).toContain("chidi@browser.test");
  await page.reload();
  await expect.poll(() => page.locator("tbody th a").allTextContents(), PATIENT).toContain("chidi@browser.test");
  await page.getByLabel("Address or id").fill("nobody-at-all");
  await page.getByText("Nobody is found so.").waitFor();
  await context.close();
});

test("what is live is asked for while somebody looks, and at once when they look again", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, VIEWER, { problems });
  await page.clock.install();
  let asked = 0;
  page.on("request", (request) => {
    if (request.url().includes("/api/admin/replication?") || request.url().endsWith("/api/admin/replication"))
      asked += 1;
  });
  const hide = (hidden: boolean) =>
    page.evaluate((isHidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  const answered = () => page.waitForResponse((answer) => answer.url().endsWith("/api/admin/replication"));
  const [first] = await Promise.all([answered(), page.getByRole("link", { name: "Replication" }).click()]);
  await first.finished();
  await page.getByText("Live, every 5 s").waitFor();
  await page.getByText("There are none.").nth(1).waitFor();
  await Promise.all([answered(), page.clock.runFor(5_000)]);
  await hide(true);
  const before = asked;
  await page.clock.runFor(60_000);
  expect(asked).toBe(before);
  await Promise.all([answered(), hide(false)]);
  expect(asked).toBe(before + 1);
  // what no longer comes is not called live
  await page.route("**/api/admin/replication", (route) => route.abort());
  await page.clock.runFor(5_000);
  await page.getByText(/^Not live: of \d\d:\d\d:\d\d$/).waitFor();
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
});

test("words of any length push nothing out of sight", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  const ada = person("ada@browser.test");
  const long = `${"a".repeat(60)}@${"sub.".repeat(20)}example.com`;
  const reason = `because of https://tickets.example.com/${"x".repeat(150)}`;
  await page.route("**/api/admin/users?*", async (route) => {
    const response = await route.fetch();
    const { items, ...rest } = (await response.json()) as { items: object[] };
    await route.fulfill({ response, json: { ...rest, items: items.map((item) => ({ ...item, email: long })) } });
  });
  await page.route(`**/api/admin/users/${ada.id}`, async (route) => {
    const response = await route.fetch();
    const move = {
      ...{ id: 1, epoch: 1, state: "kept", reason, source: "mongodb", target: "supabase", user_id: ada.id },
      ...{ ended_at: null, created_at: new Date().toISOString(), kept_until: null, last_error: reason },
      ...{ switched_at: null, passes: 1, copied: 1, paused_ms: null, late: { forwarded: 0, conflict: 0, open: 0 } },
    };
    await route.fulfill({ response, json: { ...(await response.json()), email: long, moves: [move] } });
  });
  await page.route("**/api/admin/audit?*", async (route) => {
    const response = await route.fetch();
    const line = {
      ...{ id: 1, at: new Date().toISOString(), actor: long, action: "PATCH /api/admin/databases/{name}", via: "api" },
      ...{ subjects: [ada.id], asked: { capacity_bytes: 536_870_912 }, reason },
      outcome: { status: 200, affected: 1, code: null },
    };
    await route.fulfill({ response, json: { items: [line], next_before: null } });
  });
  /** Whether it is in sight without scrolling to the side. */
  const isInSight = async (role: "button" | "columnheader", name: string) => {
    const box = await page.getByRole(role, { name }).boundingBox();
    return box !== null && box.x >= 0 && box.x + box.width <= (page.viewportSize()?.width ?? 0);
  };
  await page.goto(`${system.apiUrl}/admin#/users`);
  await page.getByRole("link", { name: long }).first().waitFor();
  expect(await isInSight("columnheader", "Last sign-in")).toBe(true);
  await page.goto(`${system.apiUrl}/admin#/audit`);
  await page.getByRole("row", { name: /because of/ }).waitFor();
  expect(await isInSight("columnheader", "Outcome")).toBe(true);
  await page.setViewportSize({ width: 390, height: 844 });
  for (const address of ["#/users", "#/audit", `#/users/${ada.id}`]) {
    await page.goto(`${system.apiUrl}/admin${address}`);
    await page
      .getByText(address.endsWith(ada.id) ? reason : long, { exact: false })
      .first()
      .waitFor();
    await picture(page, `admin-long-${address.length}-narrow`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), address).toBeLessThanOrEqual(390);
  }
  expect(await isInSight("button", "Undo …")).toBe(true);
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await context.close();
});

test("an address that leads nowhere says so", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, VIEWER, { problems });
  await page.goto(`${system.apiUrl}/admin#/nowhere`);
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  for (const id of ["nobody", "%E0%A4%A"]) {
    await page.goto(`${system.apiUrl}/admin#/users/${id}`);
    await page.reload();
    await page.getByText("There is no user with the id").waitFor();
  }
  await context.close();
});

test("while MongoDB is away every page is there, and says what cannot be known", async () => {
  const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
  await system.mongo.set("refuse");
  await page.getByText("Does not answer").waitFor();
  await page.getByRole("row", { name: /supabase.*Healthy/ }).waitFor();
  await picture(page, "admin-overview-mongodb-away");
  await page.getByRole("link", { name: "Databases" }).click();
  await page.getByText("mongodb: no answer.").waitFor();
  const away =
    people.find(({ home, email }) => home === "mongodb" && email.startsWith("ada")) ??
    people.slice(2).find(({ home }) => home === "mongodb");
  if (!away) throw new Error("nobody lives in mongodb");
  await page.goto(`${system.apiUrl}/admin#/users/${away.id}`);
  await page.getByText("A dash: the database does not say now.").waitFor();
  await picture(page, "admin-user-mongodb-away");
  await page.getByRole("link", { name: "Replication" }).click();
  await page.getByText("MongoDB does not say what Supabase has refused.").waitFor();
  expect(await faultsOf(page)).toEqual([]);
  await system.mongo.set("pass");
  await context.close();
});

test("no page had an error, broke its policy, or called anywhere else", () => {
  expect(problems).toEqual([]);
});
