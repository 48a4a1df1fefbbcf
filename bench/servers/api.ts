/** The API as it is deployed: `api/index.ts` and an HTTP server. */
import { listen } from "../../scripts/dev/listen.ts";
import { serveParent } from "./child.ts";

/** Of the shell: what starts a process, and nothing that the API reads. There are the names of the benchmark's own servers. */
const INHERITED = /^(PATH|HOME|TMPDIR|TZ|LANG|LC_.*|NODE_.*)$/;

serveParent<Record<string, string>>(async (environment) => {
  for (const name of Object.keys(process.env)) if (!INHERITED.test(name)) delete process.env[name];
  Object.assign(process.env, environment);
  const { default: api } = await import("../../api/index.ts");
  const server = await listen(0);
  server.serve((request) => api.fetch(request));
  return { ready: { url: server.url }, stop: () => server.close() };
});
