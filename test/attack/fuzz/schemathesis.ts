/** The fuzzer: schemathesis, which makes requests of an OpenAPI document and holds the answers against it. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HANGS_MS } from "../../setup/patience.ts";

const VERSION = "4.32.5";
const FOLDER = fileURLToPath(new URL("../../../node_modules/.cache/switchyard-fuzz", import.meta.url));

/** How a request may be answered that fits the document. */
const SETTINGS = fileURLToPath(new URL("schemathesis.toml", import.meta.url));

/** `DELETE /api/me` is not called, because every request after it would be a 401. */
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "negative_data_rejection",
  "positive_data_acceptance",
  "missing_required_header",
  "unsupported_method",
  "allow_header_conformance",
  "use_after_free",
  "ensure_resource_availability",
  "ignored_auth",
];

/** The path of the program; it is installed, into a folder of its own below node_modules, the first time. */
export async function schemathesis(say: (line: string) => void): Promise<string> {
  const program = join(FOLDER, VERSION, "bin", "schemathesis");
  if (existsSync(program)) return program;
  say(`Installing schemathesis ${VERSION} into ${FOLDER}`);
  const place = join(FOLDER, VERSION);
  const pip = ["install", "--quiet", "--disable-pip-version-check", `schemathesis==${VERSION}`];
  const made = (await run("python3", ["-m", "venv", place], say)) === 0;
  if (!made || (await run(join(place, "bin", "pip"), pip, say)) !== 0)
    throw new Error(
      `The fuzzer needs Python 3.10 or newer with its venv module, and PyPI (Debian: apt install python3-venv). ` +
        `Or name an installed schemathesis ${VERSION} in SCHEMATHESIS.`,
    );
  return program;
}

export interface FuzzRun {
  readonly program: string;
  readonly url: string;
  readonly token: string;
  readonly seed: number;
  /** per operation of the document */
  readonly examples: number;
  /** without those that follow from the document alone, which are the same in every run */
  readonly onlyRandom: boolean;
  readonly onText: (text: string) => void;
}

/** Runs it once; resolves with its exit code: 0 when every check passed. Its report goes to `onText`. */
export function fuzz({ program, url, token, seed, examples, onlyRandom, onText }: FuzzRun): Promise<number> {
  const options = [
    ["--checks", CHECKS.join(",")],
    ["--header", `Authorization: Bearer ${token}`],
    ["--max-examples", String(examples)],
    ["--seed", String(seed)],
    // seconds; that an answer comes late is no fault of it
    ["--request-timeout", String(HANGS_MS / 1_000)],
    ["--phases", onlyRandom ? "fuzzing,stateful" : "examples,coverage,fuzzing,stateful"],
    ["--exclude-name", "DELETE /api/me"],
    ["--generation-database", "none"],
    ["--suppress-health-check", "all"],
    ["--warnings", "off"],
    ["--continue-on-failure", "--no-shrink", "--no-color"],
  ];
  return run(program, ["--config-file", SETTINGS, "run", `${url}/api/openapi.json`, ...options.flat()], onText);
}

function run(program: string, options: readonly string[], onText: (text: string) => void): Promise<number> {
  return new Promise((resolve) => {
    // schemathesis leaves a folder where it runs
    const child = spawn(program, options, { cwd: tmpdir(), stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", onText);
    child.on("error", () => resolve(127));
    child.on("close", (code) => resolve(code ?? 1));
  });
}
