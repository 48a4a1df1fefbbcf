/** The API as it is deployed: `api/index.ts` and an HTTP server. */
import { listen } from "../../scripts/dev/listen.ts";
import { serveParent } from "./child.ts";

serveParent<Record<string, string>>(async (environment) => {
  Object.assign(process.env, environment);
  const { default: api } = await import("../../api/index.ts");
  const server = await listen(0);
  server.serve((request) => api.fetch(request));
  return { ready: { url: server.url }, stop: () => server.close() };
});
