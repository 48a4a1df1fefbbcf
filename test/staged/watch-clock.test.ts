/** A watch lasts as long as it was asked for, whatever is done to the machine's clock meanwhile. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test, vi } from "vitest";
import type { Deployment } from "../../scripts/deploy/stage.ts";
import { watch } from "../../scripts/deploy/traffic.ts";

const DAY_MS = 86_400_000;
/** Looks of a watch that does not end by itself. */
const ENDLESS = 1_000;
afterEach(() => {
  vi.useRealTimers();
});

test("a clock that is put back by a day does not make it a day longer", async () => {
  vi.useFakeTimers({ toFake: ["Date"], shouldAdvanceTime: false });
  let looks = 0;
  const server = createServer((_, response) => {
    if (++looks === 2) vi.setSystemTime(Date.now() - DAY_MS);
    response.end("{}");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    const deployment = {
      env: { API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}` },
      state: { baseline_ms: null },
      options: { watchMs: 20 },
      say: () => {},
      isInterrupted: () => looks > ENDLESS,
    } as unknown as Deployment;
    expect(await watch.run(deployment)).toMatch(/^\d+ looks, 0 failed/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
