/** A newcomer at the first page: what the tests of it do again and again. */
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";
import { PATIENT, WAITS_MS } from "../setup/patience.ts";

export const PASSWORD = "correct horse battery";

export interface Visit {
  readonly browser: Browser;
  readonly apiUrl: string;
  /** what pages broke, and calls to anywhere but this machine */
  readonly problems: string[];
}

/** The page, in a browser that nobody has used unless `context` is given. */
export async function open(
  { browser, problems, apiUrl }: Visit,
  context?: BrowserContext,
  url = apiUrl,
): Promise<Page> {
  const place = context ?? (await browser.newContext());
  place.setDefaultTimeout(WAITS_MS);
  place.on("page", (page) => watch(page, problems));
  const page = await place.newPage();
  await page.goto(url);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return page;
}

function watch(page: Page, problems: string[]): void {
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/i.test(message.text())) problems.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") problems.push(request.url());
  });
}

/** Fills in the form that the page shows at first, and sends it. */
export async function signUp(page: Page, email: string): Promise<void> {
  const form = page.getByRole("form", { name: "Sign up" });
  await form.getByLabel("E-mail").fill(email);
  await form.getByLabel("New password").fill(PASSWORD);
  await form.getByRole("button", { name: "Sign up" }).click();
}

export async function signIn(page: Page, email: string, password = PASSWORD): Promise<void> {
  const form = page.getByRole("form", { name: "Sign in" });
  await form.getByLabel("E-mail").fill(email);
  await form.getByLabel("Password").fill(password);
  await form.getByRole("button", { name: "Sign in" }).click();
}

/** The home that the page shows, once it does. */
export const homeOf = async (page: Page): Promise<string> =>
  (await page.locator("[data-home]").getAttribute("data-home")) ?? "";

export async function file(page: Page, amount: string, what: string, category = ""): Promise<void> {
  const form = page.getByRole("form", { name: "File an expense" });
  await form.getByLabel("Amount").fill(amount);
  await form.getByLabel("What for?").fill(what);
  await form.getByLabel("Category").fill(category);
  await form.getByRole("button", { name: "File it" }).click();
}

export const says = (page: Page, text: RegExp) => page.getByText(text).first().waitFor();
export const rows = (page: Page) => page.locator(".expenses > .row");
/** Of each expense what it was for, and how much. */
export const shown = async (page: Page): Promise<string[]> =>
  (await rows(page).locator(".for, .amount").allTextContents()).map((text) => text.trim());

/** The link of the newest mail to that address. */
export async function mailedLink(apiUrl: string, email: string): Promise<string> {
  const { mailboxUrl } = (await (await fetch(`${apiUrl}/api/config`)).json()) as { mailboxUrl: string };
  const read = async () =>
    (await (await fetch(`${mailboxUrl}?to=${encodeURIComponent(email)}`)).json()) as { text: string }[];
  await expect.poll(async () => (await read()).length, PATIENT).toBeGreaterThan(0);
  return /http\S+/.exec((await read())[0]?.text ?? "")?.[0] ?? "";
}
