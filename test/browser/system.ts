/** `npm start`'s system with a proxy before its MongoDB, and the page on an origin of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createViteServer } from "vitest/node";
import { startStandIn } from "../../scripts/dev/mongo-stand-in/index.ts";
import { startSystem } from "../../scripts/dev/system.ts";
import { loadDevConfig } from "../../shared/config.ts";
import { startProxy, type TcpProxy } from "../failure/proxy.ts";
import { freePorts } from "../integration/start-child.ts";

export interface BrowserSystem {
  apiUrl: string;
  pageUrl: string;
  mongo: TcpProxy;
  /** its MongoDB, not through the proxy */
  mongoUri: string;
  said: string[];
  /** its folder, in which it says where it is reached */
  data: string;
  stop(): Promise<void>;
}

/** `settings` are variables of the environment that `npm start` reads. */
export async function startBrowserSystem(settings: Readonly<Record<string, string>> = {}): Promise<BrowserSystem> {
  const folder = await mkdtemp(join(tmpdir(), "switchyard-browser-"));
  const [port, supabasePort] = await freePorts(2);
  const site = await createViteServer({
    configFile: false,
    root: fileURLToPath(new URL("./page", import.meta.url)),
    cacheDir: join(folder, "vite"),
    logLevel: "warn",
    server: { port: 0, host: "127.0.0.1", hmr: false, fs: { allow: [process.cwd()] } },
  });
  await site.listen();
  const origin = site.resolvedUrls?.local[0]?.replace(/\/$/, "") ?? "";
  const standIn = await startStandIn({ port: 0, file: ":memory:" });
  const mongo = await startProxy(standIn.uri);
  const said: string[] = [];
  const data = join(folder, "data");
  const system = await startSystem(
    loadDevConfig({
      PORT: String(port),
      SUPABASE_PORT: String(supabasePort),
      SWITCHYARD_DATA: data,
      SWITCHYARD_DEMO: "0",
      MONGODB_URI: `mongodb://127.0.0.1:${mongo.port}/switchyard?directConnection=true`,
      ALLOWED_ORIGINS: origin,
      ...settings,
    }),
    {
      say: (line) => said.push(line),
      cancel: new AbortController().signal,
      progress: { start: () => undefined, step: () => undefined, stop: () => undefined },
    },
  );
  const apiUrl = `http://127.0.0.1:${port}`;
  return {
    apiUrl,
    pageUrl: `${origin}/?api=${encodeURIComponent(apiUrl)}`,
    mongo,
    mongoUri: standIn.uri,
    said,
    data,
    async stop() {
      await system.stop();
      await mongo.stop();
      await standIn.stop();
      await site.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
