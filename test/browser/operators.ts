/** The operator's pages in a browser: who signs in, and whom there is to look at. */
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { vi } from "vitest";
import { createSwitchyardClient } from "../../client/index.ts";
import { PATIENT, WAITS_MS } from "../setup/patience.ts";

export const ADMIN = "admin@browser.test";
export const VIEWER = "viewer@browser.test";
const PASSWORD = "correct horse battery";

export interface Person {
  id: string;
  email: string;
  token: string;
  home: string;
}

/** Signs up through Auth, as any page does. */
export async function signUp(apiUrl: string, email: string): Promise<Person> {
  const { supabaseUrl, supabaseKey } = await (await createSwitchyardClient({ url: apiUrl }).config.$get()).json();
  const answer = await fetch(`${supabaseUrl}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: supabaseKey, "content-type": "application/json" },
    body: JSON.stringify({ email, password: PASSWORD }),
  });
  const { access_token: token, user } = (await answer.json()) as { access_token: string; user: { id: string } };
  const me = await createSwitchyardClient({ url: apiUrl, getToken: () => token }).me.$get();
  if (me.status !== 200) throw new Error(`${email} has no home: ${me.status}`);
  return { id: user.id, email, token, home: (await me.json()).home };
}

/** Files so many expenses for them. */
export async function fileExpenses(apiUrl: string, { token }: Person, count: number): Promise<void> {
  const api = createSwitchyardClient({ url: apiUrl, getToken: () => token });
  for (let number = 1; number <= count; number++) {
    const header = { "idempotency-key": `expense-${number}` };
    const json = { amount: `${number}.50`, currency: "EUR", date: "2026-11-02", description: `Number ${number}` };
    // of a machine that is short of time the answer may be 503: the same again is the same expense
    const status = await vi.waitUntil(async () => {
      const answer = await api.expenses.$post({ json, header });
      return answer.status !== 503 && answer.status;
    }, PATIENT);
    if (status !== 201) throw new Error(`expense ${number}: ${status}`);
  }
}

/** A page at `/admin`, signed in by the form; what goes wrong in it is added to `problems`. */
export async function openAdmin(
  browser: Browser,
  apiUrl: string,
  email: string,
  { problems, ...options }: BrowserContextOptions & { problems: string[] },
): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(WAITS_MS);
  const page = await context.newPage();
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => {
    // that an answer was no success, the browser says by itself
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      problems.push(message.text());
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol.startsWith("http") && hostname !== "127.0.0.1") problems.push(request.url());
  });
  await page.goto(`${apiUrl}/admin`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  return { page, context };
}
