/** A project under git with an environment, a stand-in of its platforms, and servers for what is deployed. */
import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
export const PASSWORD = "p4ssw0rd-of-production";
export const SECRET_KEY = "sb_secret_production_0123456789";
const OLD = "dpl_old";

export interface World {
  applied: string[];
  deployments: Record<string, { id: string; revision: string }>;
  production: string;
  newest: string | null;
  functions: string | null;
}
export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  said: string;
}
/** How the deployed versions answer. */
interface Answers {
  /** of requests that come to whichever version: a status, 200 unless told */
  status: (where: "production" | "new", stamp: string, path: string) => number;
  onRequest: (where: "production" | "new", stamp: string, path: string) => void;
}

export async function startProject() {
  const root = await mkdtemp(join(tmpdir(), "switchyard-staged-"));
  const folder = await mkdtemp(join(tmpdir(), "switchyard-world-"));
  const answers: Answers = { status: () => 200, onRequest: () => {} };
  const notes: { action: string; asked: Record<string, unknown> }[] = [];
  const world = async () => JSON.parse(await readFile(join(folder, "world.json"), "utf8")) as World;
  const answering = async (where: "production" | "new", request: IncomingMessage, response: ServerResponse) => {
    const path = (request.url ?? "").split("?")[0] ?? "";
    const text = await bodyOf(request);
    const { deployments, production, newest } = await world();
    const stamp = deployments[where === "production" ? production : (newest ?? "")];
    const is = stamp?.revision ?? "none";
    answers.onRequest(where, is, path);
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (path.endsWith("/switchyard_admin_note")) {
      const note = JSON.parse(text) as { p_action: string; p_asked: Record<string, unknown> };
      notes.push({ action: note.p_action, asked: note.p_asked });
      return json(200, notes.length);
    }
    if (path.endsWith("/switchyard_admin_note_outcome")) return json(200, null);
    if (path === "/auth/v1/token") return json(200, SESSION);
    const status = answers.status(where, is, path);
    if (status !== 200) return json(status, { message: "as the test has it" });
    if (path === "/deployment.json") return stamp?.id ? json(200, stamp) : json(404, {});
    if (path === "/api/health") return json(200, { status: "healthy", message: "Every database answers." });
    if (path === "/api/me") return json(request.headers.authorization === "Bearer token" ? 200 : 401, {});
    return json(404, {});
  };
  const production = await listening((...args) => answering("production", ...args));
  const next = await listening((...args) => answering("new", ...args));

  await mkdir(join(root, "supabase", "migrations"), { recursive: true });
  await writeFile(
    join(root, "supabase", "migrations", "20260101000000_first.sql"),
    "create table public.a (id int);\n",
  );
  await writeFile(
    join(root, "supabase", "migrations", "20260102000000_second.sql"),
    "alter table a add column b int;\n",
  );
  await writeFile(join(root, "functions.txt"), "functions of this revision");
  await writeFile(join(root, ".gitignore"), ".env.*\n.vercel/\n.deploy/\n");
  const variables: Record<string, string> = {
    SUPABASE_URL: production.url,
    SUPABASE_PROJECT_REF: "abcdefghijklmnopqrst",
    SUPABASE_PUBLISHABLE_KEY: "sb_publishable_x",
    SUPABASE_SECRET_KEY: SECRET_KEY,
    MONGODB_URI: `mongodb://user:${PASSWORD}@127.0.0.1:9/app`,
    DEPLOY_DATABASE_URL: `postgres://postgres:${PASSWORD}@127.0.0.1:9/postgres`,
    API_URL: production.url,
    SMOKE_EMAIL: "smoke@switchyard.test",
    SMOKE_PASSWORD: "the-smoke-users-own",
  };
  const setEnvironment = (name: string, over: Record<string, string> = {}) =>
    writeFile(join(root, `.env.${name}`), inLines({ ...variables, ...over }));
  const setPulled = (over: Record<string, string> = {}) =>
    writeFile(join(folder, "pulled.env"), inLines({ ...variables, ...over }));
  const setWorld = (over: Partial<World> = {}) =>
    writeFile(
      join(folder, "world.json"),
      JSON.stringify({
        ...{ applied: ["20260101000000_first.sql"], deployments: { [OLD]: { revision: "old" } }, production: OLD },
        ...{ newest: null, functions: null, ...over },
      }),
    );
  // whole at every moment: a stand-in may read it just now
  const behave = async (at?: string, how?: string) => {
    await writeFile(join(folder, "behaviour.new.json"), JSON.stringify({ at, how }));
    await rename(join(folder, "behaviour.new.json"), join(folder, "behaviour.json"));
  };
  const git = (...words: string[]) =>
    run("git", ["-c", "user.name=t", "-c", "user.email=t@switchyard.test", ...words], { cwd: root });
  await git("init", "-q");
  await git("add", "-A");
  await git("commit", "-qm", "a version");
  const revision = (await git("rev-parse", "HEAD")).stdout.trim();

  let running: number | undefined;
  return {
    ...{ root, folder, answers, notes, world, setEnvironment, setPulled, behave, git, revision },
    pid: () => running,
    /** Ctrl-C: what a terminal sends to everything that it has started */
    interrupt: () => process.kill(-(running ?? 0), "SIGINT"),
    /** as at the beginning: the old version has the traffic, one migration is pending */
    async reset() {
      answers.status = () => 200;
      answers.onRequest = () => {};
      notes.length = 0;
      await rm(join(root, ".deploy"), { recursive: true, force: true });
      await rm(join(root, ".vercel"), { recursive: true, force: true });
      for (const name of ["preview", "staging"]) await rm(join(root, `.env.${name}`), { force: true });
      await writeFile(join(folder, "calls.txt"), "");
      await Promise.all([setEnvironment("production"), setPulled(), setWorld(), behave()]);
    },
    calls: async () => (await readFile(join(folder, "calls.txt"), "utf8")).split("\n").filter(Boolean),
    state: async (name = "production") =>
      JSON.parse(await readFile(join(root, ".deploy", `${name}.json`), "utf8")) as {
        outcome: string;
        why: string | null;
        stages: Record<string, { state: string; tries: number }>;
      },
    deploy: (line: string): Promise<Ran> =>
      new Promise((done) => {
        const child = spawn(process.execPath, [resolve("test/staged/deploy-process.ts"), ...line.split(" ")], {
          cwd: root,
          // a group of its own, as a terminal gives it
          detached: true,
          env: {
            ...{
              PATH: process.env.PATH,
              NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
              HOME: folder,
              STAND_IN_WORLD: folder,
              STAND_IN_URL: next.url,
            },
            ...{
              DEPLOY_VERCEL: resolve("test/staged/vercel.mjs"),
              DEPLOY_SUPABASE: resolve("test/staged/supabase.mjs"),
            },
            // another environment's, as shells have them
            SUPABASE_SECRET_KEY: "sb_secret_of_the_shell",
          },
        });
        running = child.pid;
        let said = "";
        child.stdout.on("data", (text) => {
          said += text;
        });
        child.stderr.on("data", (text) => {
          said += text;
        });
        child.once("close", (code, signal) => done({ code, signal, said }));
      }),
    async stop() {
      for (const { server } of [production, next]) {
        server.closeAllConnections();
        await new Promise((done) => server.close(done));
      }
      for (const each of [root, folder]) await rm(each, { recursive: true, force: true });
    },
  };
}

const SESSION = {
  ...{ access_token: "token", refresh_token: "again", token_type: "bearer", expires_in: 3600 },
  user: { id: "00000000-0000-4000-8000-000000000000", aud: "authenticated", email: "smoke@switchyard.test" },
};

const inLines = (variables: Record<string, string>) =>
  Object.entries(variables)
    .map(([name, value]) => `${name}=${value}\n`)
    .join("");

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

async function listening(
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<unknown>,
): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
