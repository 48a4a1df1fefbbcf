/**
 * Runs supabase/functions on Deno, a process for each, and starts again what dies. npm packages come from the
 * project's own node_modules: nothing is downloaded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Environment, processEnvironment } from "../../shared/config.ts";
import { denoProgram } from "./deno.ts";

const ROOT = new URL("../../", import.meta.url);
const at = (path: string) => fileURLToPath(new URL(path, ROOT));
const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 5_000;
const STARTING_MS = 10_000;
/** What Deno itself needs; the rest of the environment is nobody's business there. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "TZ", "LANG", "LOG_LEVEL", "MAX_TOKEN_LIFETIME_SECONDS", "SystemRoot"];

export interface EdgeFunctions {
  has(name: string): boolean;
  /** Undefined when there is no such function; 503 while it does not run. */
  call(name: string, request: Request): Promise<Response> | undefined;
  /** Resolves when every function answers, or has failed once. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts every function of the folder, by default the project's own; their start is waited for longer on a slow machine. Throws `DenoMissing`. */
export function startEdgeFunctions(
  env: Readonly<Record<string, string>>,
  folder: URL = new URL("supabase/functions/", ROOT),
  slowness = 1,
): EdgeFunctions {
  const deno = denoProgram();
  const functions = new Map(
    names(folder).map((name) => [name, new EdgeFunction(deno, name, folder, env, STARTING_MS * slowness)]),
  );
  return {
    has: (name) => functions.has(name),
    call: (name, request) => functions.get(name)?.call(request),
    ready: async () => void (await Promise.all([...functions.values()].map((each) => each.ready()))),
    stop: async () => void (await Promise.all([...functions.values()].map((each) => each.stop()))),
  };
}

function names(folder: URL): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !/^[_.]/.test(entry.name))
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

class EdgeFunction {
  readonly #deno: string;
  readonly #name: string;
  readonly #folder: URL;
  readonly #env: Readonly<Record<string, string>>;
  readonly #startingMs: number;
  #child: ChildProcess | undefined;
  #port: number | undefined;
  #settled = Promise.withResolvers<void>();
  #failures = 0;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;

  constructor(deno: string, name: string, folder: URL, env: Readonly<Record<string, string>>, startingMs: number) {
    this.#deno = deno;
    this.#name = name;
    this.#folder = folder;
    this.#env = env;
    this.#startingMs = startingMs;
    this.#start();
  }

  #start(): void {
    const entry = new URL(`${this.#name}/index.ts`, this.#folder);
    const config = fileURLToPath(new URL(`${this.#name}/deno.json`, this.#folder));
    const child = spawn(
      this.#deno,
      ["run", "--quiet", "--no-prompt", "--no-lock", "--node-modules-dir=manual", "--config", config]
        .concat("--allow-net", "--allow-env", "--allow-read", "--allow-sys")
        .concat(at("scripts/dev/edge-main.ts"), entry.href),
      { env: { ...passedOn(processEnvironment()), ...this.#env }, stdio: ["pipe", "pipe", "inherit"] },
    );
    this.#child = child;
    child.stdin?.on("error", () => undefined);
    createInterface({ input: child.stdout }).on("line", (line) => {
      const [, port] = /^switchyard:listening:(\d+)$/.exec(line) ?? [];
      if (!port) return void console.log(line);
      this.#port = Number(port);
      this.#failures = 0;
      this.#settled.resolve();
    });
    child.once("error", () => undefined);
    child.once("close", () => this.#ended());
  }

  #ended(): void {
    this.#child = undefined;
    this.#port = undefined;
    this.#settled.resolve();
    if (this.#stopping) return;
    const delay = Math.min(MAX_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#failures++);
    console.error(`The edge function ${this.#name} has ended; it starts again in ${delay} ms.`);
    this.#settled = Promise.withResolvers<void>();
    this.#restart = setTimeout(() => this.#start(), delay);
  }

  async ready(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#startingMs);
    });
    await Promise.race([this.#settled.promise, late]);
    clearTimeout(timer);
  }

  async call(request: Request): Promise<Response> {
    // the one that is just being started is waited for; the one that has died answers as Supabase's gateway would
    if (!this.#port && this.#failures === 0) await this.ready();
    if (!this.#port) return down(this.#name);
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    for (const name of ["host", "connection", "content-length"]) headers.delete(name);
    const body = request.method === "GET" || request.method === "HEAD" ? undefined : await request.arrayBuffer();
    try {
      const answer = await fetch(`http://127.0.0.1:${this.#port}${pathname.slice("/functions/v1".length)}${search}`, {
        method: request.method,
        headers,
        redirect: "manual",
        ...(body ? { body } : {}),
      });
      const copied = new Headers(answer.headers);
      for (const name of ["content-encoding", "content-length", "transfer-encoding"]) copied.delete(name);
      return new Response(answer.body, { status: answer.status, headers: copied });
    } catch {
      return down(this.#name);
    }
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (!child) return;
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin?.end();
    const late = setTimeout(() => child.kill("SIGKILL"), 2_000);
    await ended;
    clearTimeout(late);
  }
}

const down = (name: string) =>
  Response.json({ code: "BOOT_ERROR", message: `The edge function ${name} does not run` }, { status: 503 });

/** Deno's own cache lies in node_modules, so that nothing is left elsewhere. */
function passedOn(env: Environment): Record<string, string> {
  const passed: Record<string, string> = { DENO_DIR: at("node_modules/.cache/deno"), DENO_NO_UPDATE_CHECK: "1" };
  for (const name of PASSED_ON) if (env[name]) passed[name] = env[name];
  return passed;
}
