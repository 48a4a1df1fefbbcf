/** Every page while Supabase says nothing: what can be shown is, the rest is said, and all is well once it is back. */
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { PATIENT } from "../setup/patience.ts";
import { faultsOf } from "./axe.ts";
import { noteBackups } from "./backups.ts";
import { openBrowser, picture } from "./browser.ts";
import { ADMIN, openAdmin, type Person, signUp } from "./operators.ts";
import { silenceSupabase } from "./silent-supabase.ts";
import * as visitor from "./start-visitor.ts";
import { type BrowserSystem, startBrowserSystem } from "./system.ts";

let system: BrowserSystem;
let browser: Browser;
let people: Person[];
const problems: string[] = [];
let goOn: (() => void) | undefined;
beforeAll(async () => {
  system = await startBrowserSystem({ ADMIN_EMAILS: ADMIN });
  browser = await openBrowser();
  people = [];
  for (const email of [ADMIN, "ada@browser.test", "bao@browser.test"]) people.push(await signUp(system.apiUrl, email));
  await noteBackups(system.data);
});
afterEach(() => goOn?.());
afterAll(async () => {
  await browser?.close();
  await system?.stop();
});

/** Each page of the operator: what it says meanwhile, and what shows that it has come back by itself. */
const PAGES: readonly { address: () => string; away: RegExp; back: (page: Page) => Promise<unknown> }[] = [
  {
    address: () => "#/",
    away: /Does not answer/,
    back: (page) => page.getByRole("row", { name: /supabase.*Healthy/ }).waitFor(),
  },
  {
    address: () => "#/users",
    away: /did not answer in time|does not answer/,
    back: (page) => page.getByRole("link", { name: "ada@browser.test" }).waitFor(),
  },
  {
    address: () => `#/users/${people[1]?.id}`,
    away: /did not answer in time|does not answer/,
    back: (page) => page.getByRole("heading", { name: "ada@browser.test" }).waitFor(),
  },
  {
    address: () => "#/databases",
    away: /supabase: no answer\. What cannot be known shows a dash\./,
    back: (page) => page.getByText("Takes new users").nth(1).waitFor(),
  },
  {
    address: () => "#/replication",
    away: /does not answer/,
    back: (page) => page.getByText("There are none.").nth(1).waitFor(),
  },
  {
    address: () => "#/backups",
    away: /did not answer in time|does not answer/,
    back: (page) => page.getByRole("row", { name: /Full.*daily-2.*Verified/ }).waitFor(),
  },
  {
    address: () => "#/audit",
    away: /did not answer in time|does not answer/,
    back: (page) => page.getByText("Nothing was changed so.").waitFor(),
  },
];

test("the operator's pages say what cannot be known, also when they are opened only then, and come back by themselves", async () => {
  const opened = await Promise.all(
    PAGES.map(async ({ address }) => {
      const { page, context } = await openAdmin(browser, system.apiUrl, ADMIN, { problems });
      await page.goto(`${system.apiUrl}/admin${address()}`);
      return { page, context };
    }),
  );
  for (const [at, { back }] of PAGES.entries()) await back((opened[at] as { page: Page }).page);
  goOn = await silenceSupabase();
  for (const [at, { address, away }] of PAGES.entries()) {
    const { page } = opened[at] as { page: Page };
    await page.reload();
    await page.locator("main").getByText(away).first().waitFor();
    // each part of a page says so by itself, and none of them waits without end
    await expect.poll(() => page.getByText(/Looking up|Loading/).count(), { ...PATIENT, message: address() }).toBe(0);
    await picture(page, `admin-supabase-away-${at}`);
    expect(await faultsOf(page), address()).toEqual([]);
  }
  goOn();
  for (const [at, { back }] of PAGES.entries()) {
    const { page, context } = opened[at] as Awaited<ReturnType<typeof openAdmin>>;
    await back(page);
    await context.close();
  }
  expect(problems).toEqual([]);
});

test("who lives in MongoDB works on at the first page; who signs in is told to come again", async () => {
  const visit = { browser, problems, apiUrl: system.apiUrl };
  let page: Page;
  for (let at = 0; ; at++) {
    page = await visitor.open(visit);
    await visitor.signUp(page, `visitor-${at}@start.test`);
    if ((await visitor.homeOf(page)) === "mongodb") break;
    await page.context().close();
  }
  goOn = await silenceSupabase();
  await visitor.file(page, "4.50", "Coffee");
  await visitor.says(page, /Filed: 4\.50 EUR/);
  await page.reload();
  await expect.poll(() => visitor.shown(page), PATIENT).toEqual(["Coffee", "4.50 EUR"]);
  const another = await visitor.open(visit);
  await visitor.signUp(another, "late@start.test");
  await another.getByRole("alert").filter({ hasText: "Sign-in cannot be reached just now." }).waitFor();
  await picture(another, "start-supabase-away");
  expect(await faultsOf(another)).toEqual([]);
  goOn();
  await visitor.signUp(another, "late@start.test");
  expect(["supabase", "mongodb"]).toContain(await visitor.homeOf(another));
  expect(problems).toEqual([]);
});
