/**
 * What one user can make a database busy with, while another of the same home uses the same instance: writes and deletions
 * of one referenced record, exports and large pages, all at once. Nobody else is told that the database is away, and no
 * breaker opens; the attacker is served, refused, or told to come back.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { TestUser } from "../setup/users.ts";
import { type Answer, HOMES, type Sent, startTwoHomes, type TwoHomes } from "./two-homes.ts";

const json = { "content-type": "application/json" };
const RECORDS = 205;
/** As much as a field holds, in bytes four times its 2,000 characters. */
const LARGE = "😀".repeat(2_000);

let homes: TwoHomes;
beforeAll(async () => {
  homes = await startTwoHomes();
});
afterAll(() => homes?.stop());

const opened = () => homes.api.lines.filter((line) => line.includes("breaker_open"));

/** Requests of one user; `send` throws for a 5xx that is not `busy` with `retry-after`, be it the attacker's or not. */
function as(user: TestUser) {
  const send = (method: string, path: string, body?: object, more: Partial<Sent> = {}) =>
    homes.send({
      method,
      path,
      user,
      mayBeBusy: true,
      headers: json,
      ...(body && { body: JSON.stringify(body) }),
      ...more,
    });
  return {
    send,
    /** one that has to succeed, because nobody is in its way */
    async done(method: string, path: string, body?: object): Promise<Answer> {
      const answer = await send(method, path, body, { mayBeBusy: false });
      expect(answer.status, answer.text.slice(0, 300)).toBeLessThan(300);
      return answer;
    },
  };
}

/** What the other user does meanwhile, until it is told that the attack is over, and once more after that. */
async function useMeanwhile(user: TestUser, attack: Promise<unknown>): Promise<void> {
  const { send, done } = as(user);
  let isOver = false;
  const over = attack.finally(() => {
    isOver = true;
  });
  const once = async (call: typeof send) => {
    const made = await call("POST", "/api/contacts", { name: "Mina" });
    const { status } = await call("GET", "/api/contacts?limit=20");
    const id = made.value?.id;
    if (made.status === 201)
      await call(
        "PATCH",
        `/api/contacts/${id}`,
        { name: "Nina" },
        { headers: { ...json, "if-match": made.headers.get("etag") ?? "" } },
      );
    if (made.status === 201) await call("DELETE", `/api/contacts/${id}`);
    return [made.status, status];
  };
  while (!isOver) for (const status of await once(send)) expect([200, 201, 503]).toContain(status);
  await over;
  expect(await once((method, path, body) => done(method, path, body))).toEqual([201, 200]);
}

const times = <T>(count: number, call: (index: number) => Promise<T>) =>
  Array.from({ length: count }, (_, index) => call(index));

describe.each(HOMES)("%s", (home) => {
  test("writes and deletions of one referenced record, all at once", async () => {
    const [attacker, other] = [await homes.newUser(home), await homes.newUser(home)];
    const { send, done } = as(attacker);
    const spent = { amount: "1", currency: "EUR", date: "2026-03-14" };
    const attack = async () => {
      for (let round = 0; round < 3; round++) {
        const category = randomUUID();
        await done("POST", "/api/categories", { id: category, name: `c ${round}`, kind: "expense" });
        const child = (await done("POST", "/api/expenses", { ...spent, category_id: category })).value.id;
        const answers = await Promise.all([
          ...times(30, () => send("DELETE", `/api/categories/${category}`)),
          ...times(10, () => send("POST", "/api/expenses", { ...spent, category_id: category })),
          ...times(10, (index) => send("PATCH", `/api/categories/${category}`, { name: `c ${round} ${index}` })),
          ...times(10, (index) =>
            send("PATCH", `/api/expenses/${child}`, { category_id: index % 2 ? category : null }),
          ),
        ]);
        for (const { status } of answers) expect([200, 201, 204, 404, 409, 422, 503]).toContain(status);
      }
    };
    await useMeanwhile(other, attack());
    expect(opened()).toEqual([]);
  }, 240_000);

  test("exports, large pages, searches and summaries, all at once", async () => {
    const [attacker, other] = [await homes.newUser(home), await homes.newUser(home)];
    const { send, done } = as(attacker);
    for (let made = 0; made < RECORDS; made += 5)
      await Promise.all(times(5, (index) => done("POST", "/api/contacts", { name: `n ${made + index}`, note: LARGE })));
    const attack = Promise.all([
      ...times(5, () => send("GET", "/api/contacts/export.csv")),
      ...times(8, (index) => send("GET", `/api/contacts?limit=200&sort=${["name", "-created_at"][index % 2]}`)),
      ...times(4, (index) => send("GET", `/api/contacts?limit=200&q=n%20${index}`)),
      ...times(4, () => send("GET", "/api/contacts/summary")),
    ]);
    await useMeanwhile(other, attack);
    const answers = await attack;
    for (const { status } of answers) expect([200, 503]).toContain(status);
    // one that was begun is whole
    for (const { status, text } of answers.slice(0, 5))
      if (status === 200) expect(text.split("\r\n").length).toBe(RECORDS + 2);
    expect(opened()).toEqual([]);
  }, 240_000);
});
