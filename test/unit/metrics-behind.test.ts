/** No request waits for its measuring, or fails because of it: whatever Postgres, the clock or a receiver does. */
import { err } from "neverthrow";
import { describe, expect, test } from "vitest";
import { unavailable } from "../../shared/contract/errors.ts";
import { createLog } from "../../shared/log.ts";
import { type Ask, createMetrics } from "../../shared/metrics/metrics.ts";
import { createOutageTeller } from "../../shared/operations/tell-outage.ts";
import { memoryApi, token } from "./api-memory.ts";

const never = new Promise<never>(() => {});

describe.each<[string, () => Promise<unknown>]>([
  ["hangs", () => never],
  ["is away", async () => err(unavailable("away"))],
  ["breaks", () => Promise.reject(new Error("broken"))],
])("a Postgres that %s", (_, answer) => {
  test("is noticed by nobody who asks for records", async () => {
    let asked = 0;
    const ask = (() => {
      asked += 1;
      return answer();
    }) as unknown as Ask;
    const work: Promise<unknown>[] = [];
    const metrics = createMetrics({
      ask,
      clock: Date.now,
      callMs: 10,
      waitUntil: (promise) => void work.push(promise),
    });
    const api = memoryApi({ metrics });
    const headers = { authorization: `Bearer ${await token()}` };
    for (let turn = 0; turn < 3; turn++) expect((await api.app.request("/api/contacts", { headers })).status).toBe(200);
    expect((await api.app.request("/api/nothing", { headers })).status).toBe(404);
    // behind the first answer, and then not before a minute has gone by
    expect([asked, work.length]).toEqual([1, 1]);
    expect(metrics.state().unflushed).toBeGreaterThan(0);
    expect(metrics.state().flushed_at).toBeNull();
  });
});

describe("Supabase away", () => {
  const told = (answers: (string | undefined)[] = []) => {
    const sent: { id: string; payload: { type: string; data: { began_at: string; ended_at: string | null } } }[] = [];
    const work: Promise<unknown>[] = [];
    let [now, isAway] = [Date.parse("2026-12-04T10:00:00Z"), false];
    const teller = createOutageTeller({
      ...{ subject: "supabase", isAway: () => isAway, clock: () => now, log: createLog({ level: "silent" }) },
      send: async (id, payload) => {
        sent.push({ id, payload: payload as never });
        return answers.shift();
      },
      waitUntil: (promise) => void work.push(promise),
    });
    const at = async (seconds: number, away: boolean) => {
      isAway = away;
      now = Date.parse("2026-12-04T10:00:00Z") + seconds * 1_000;
      teller.tick();
      await Promise.all(work);
    };
    return { at, sent, types: () => sent.map(({ payload }) => payload.type) };
  };

  test("is told once after a minute, and once when it has been back for two", async () => {
    const { at, sent, types } = told();
    for (const [seconds, away] of [
      [0, true],
      [59, true],
      [60, true],
      [61, true],
      [200, false],
      [260, true],
    ] as const)
      await at(seconds, away);
    expect(types()).toEqual(["alert.began"]);
    for (const [seconds, away] of [
      [300, false],
      [419, false],
      [420, false],
      [500, false],
    ] as const)
      await at(seconds, away);
    expect(types()).toEqual(["alert.began", "alert.ended"]);
    expect(sent.map(({ payload }) => payload.data.ended_at)).toEqual([null, "2026-12-04T10:07:00.000Z"]);
    expect(new Set(sent.map(({ id }) => id.replace(/_(began|ended)$/, ""))).size).toBe(1);
  });

  test("for a moment is nobody's business, and what was not taken is sent again by its id, not at once", async () => {
    const { at, sent, types } = told(["500", undefined]);
    await at(0, true);
    await at(30, false);
    await at(70, true);
    await at(120, true);
    expect(types()).toEqual([]);
    await at(130, true);
    await at(140, true);
    expect(types()).toEqual(["alert.began"]);
    await at(160, true);
    await at(200, true);
    expect(types()).toEqual(["alert.began", "alert.began"]);
    expect(sent[0]?.id).toBe(sent[1]?.id);
  });

  test("two instances that notice it at about the same time say the same id", async () => {
    const [one, other] = [told(), told()];
    await one.at(0, true);
    await other.at(20, true);
    await one.at(100, true);
    await other.at(100, true);
    expect(one.sent[0]?.id).toBe(other.sent[0]?.id);
  });
});
