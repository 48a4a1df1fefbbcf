/**
 * Connections that are cut again and again while requests come: no request may meet one in a state that nobody thought
 * of, and none may keep its connection for ever.
 */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { partOf } from "../setup/effort.ts";
import { ask, faultsOf, isDone, startLoad } from "./requests.ts";
import { HOMES, type OutageSystem, startOutageSystem } from "./system.ts";

const BLINKS = partOf(20, 5);
const CLIENTS = 30;

let system: OutageSystem;
beforeAll(async () => {
  system = await startOutageSystem();
});
afterAll(() => system?.stop());

test.each(HOMES)(
  "%s cuts all connections again and again: refusals are as promised, and then all is well",
  { timeout: 180_000 },
  async (home) => {
    const instance = await system.instance();
    const user = await system.user(home);
    const load = startLoad(instance.url, [user], CLIENTS);
    onTestFinished(() => void load.stop());
    const served = () => load.answers.filter(isDone).length;
    for (let blink = 0; blink < BLINKS; blink++) {
      const before = served();
      await vi.waitUntil(() => served() >= before + CLIENTS, { timeout: 10_000, interval: 5 });
      await system.proxies[home].set("refuse");
      await system.proxies[home].set("pass");
    }
    const answers = await load.stop();
    const wrong = answers.filter((answer) => !isDone(answer) && faultsOf(answer).length > 0);
    expect(wrong.map((answer) => `${answer.status} ${faultsOf(answer)} ${JSON.stringify(answer.body)}`)).toEqual([]);
    await vi.waitUntil(
      async () => {
        const all = Array.from({ length: CLIENTS }, () => ask(instance.url, user, "/api/expenses?limit=5"));
        return (await Promise.all(all)).every(isDone);
      },
      { timeout: 10_000 },
    );
  },
);
