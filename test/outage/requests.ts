/** Requests as a client makes them, and what is worth knowing of their answers. */
import type { TestUser } from "../setup/users.ts";
import { scaled } from "./speed.ts";

export interface Answer {
  user: TestUser;
  /** when it was sent, and how long it took, in milliseconds */
  at: number;
  ms: number;
  /** 0: the connection was closed without an answer */
  status: number;
  type: string | null;
  headers: Headers;
  body: Record<string, unknown>;
}

export interface Sent {
  method?: string;
  body?: object;
  headers?: Record<string, string>;
}

export async function ask(
  url: string,
  user: TestUser,
  path: string,
  { method, body, headers }: Sent = {},
): Promise<Answer> {
  const at = performance.now();
  try {
    const response = await fetch(`${url}${path}`, {
      method: method ?? (body ? "POST" : "GET"),
      headers: { authorization: `Bearer ${user.jwt}`, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      user,
      at,
      ms: performance.now() - at,
      status: response.status,
      type: response.headers.get("content-type"),
      headers: response.headers,
      body: text.startsWith("{") ? JSON.parse(text) : {},
    };
  } catch {
    return { user, at, ms: performance.now() - at, status: 0, type: null, headers: new Headers(), body: {} };
  }
}

const EXPENSE = { amount: "12.50", currency: "EUR", date: "2026-03-14" };

/** One of the things that clients do, by turns. */
export function anything(url: string, user: TestUser, turn: number): Promise<Answer> {
  if (turn % 3 === 0) return ask(url, user, "/api/expenses", { body: EXPENSE });
  return ask(url, user, turn % 3 === 1 ? "/api/expenses?limit=5" : "/api/expenses/count");
}

/** Clients that send one request after the other until they are stopped; `answers` fills meanwhile. */
export function startLoad(url: string, users: readonly TestUser[], clientsEach: number) {
  const answers: Answer[] = [];
  const stopping = new AbortController();
  const client = async (user: TestUser) => {
    for (let turn = 0; !stopping.signal.aborted; turn++) {
      answers.push(await anything(url, user, turn));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const clients = users.flatMap((user) => Array.from({ length: clientsEach }, () => client(user)));
  return {
    answers,
    async stop() {
      stopping.abort();
      await Promise.all(clients);
      return answers;
    },
  };
}

/** Longest time for a refusal, and what the load of this suite adds. */
const PROMISED_MS = scaled(3_000);
const MARGIN_MS = scaled(500);

/** What is wrong with a refusal, as the API promises it; nothing when it is as it should be. */
export function faultsOf({ status, type, headers, ms }: Answer): string[] {
  const faults: string[] = [];
  if (status !== 503) faults.push(`status ${status}`);
  else if (!type?.startsWith("application/problem+json")) faults.push(`type ${type}`);
  else if (!/^[1-9]\d*$/.test(headers.get("retry-after") ?? ""))
    faults.push(`retry-after ${headers.get("retry-after")}`);
  if (ms >= PROMISED_MS + MARGIN_MS) faults.push(`${Math.round(ms)} ms`);
  return faults;
}

export const isDone = ({ status }: Answer): boolean => status >= 200 && status < 300;
