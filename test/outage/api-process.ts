/**
 * The API as a host runs it, in a process of its own: `api/index.ts` with its settings from the environment. Says its
 * port over IPC, and what it holds when it is asked.
 */
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { default as api } from "../../api/index.ts";

export interface Holdings {
  /** of each kind of handle or request that keeps a process alive, how many there are */
  resources: Record<string, number>;
  heapBytes: number;
}

const server = createServer(getRequestListener((request, env) => api.fetch(request, env)));
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  process.send?.({ port: typeof address === "object" && address ? address.port : 0 });
});

process.on("message", () => {
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  process.send?.({ resources, heapBytes: process.memoryUsage().heapUsed } satisfies Holdings);
});
process.on("disconnect", () => process.exit(0));
