/** `switchyard doctor`: a configured system, tested end to end. */
import { allCollections, tableCollections } from "../../shared/collections/index.ts";
import { type Environment, loadDoctorConfig } from "../../shared/config.ts";
import { deadlinesOf } from "../../shared/deadlines.ts";
import { createLog } from "../../shared/log.ts";
import type { Finding } from "../../shared/operations/doctor/check.ts";
import { examine } from "../../shared/operations/doctor/doctor.ts";
import type { AskedApi } from "../../shared/operations/doctor/subject.ts";
import { serviceClient } from "../../shared/postgres/client.ts";
import { readMigrations } from "../migration-files.ts";
import { type Command, JSON_OPTION, json, Refused, table, WrongUse } from "./command.ts";
import { settingsOf } from "./connect.ts";
import { ownApi } from "./own-api.ts";

/** Of one check: as many calls as it makes, each with a deadline of its own. */
const CALLS = 4;

export const doctor: Command = {
  name: "doctor",
  usage: "[--api=<url>] [--before-deploy] [--json]",
  about:
    "Tests a configured system end to end and says for each failure what to do; fails then, and not for a warning.",
  options: { ...JSON_OPTION, api: { type: "string" }, "before-deploy": { type: "boolean" } },
  positionals: 0,
  async run({ values }, { env, out }) {
    const settings = await settingsOf({ ...env, ...(typeof values.api === "string" && { API_URL: values.api }) });
    if (values.api !== undefined && !URL.canParse(String(values.api)))
      throw new WrongUse("--api is the address of the API, such as https://your-app.vercel.app.");
    const all = await interruptibly((cancel) => examineSettings(settings, cancel));
    const found = values["before-deploy"] === true ? withoutWhatIsBrought(all) : all;
    out(values.json ? json(found) : inWords(found));
    const failures = found.filter(({ state }) => state === "failure").length;
    if (failures > 0) throw new Refused(failures === 1 ? "One check failed." : `${failures} checks failed.`);
    if (found.some(({ state }) => state === "skipped")) throw new Refused("It was interrupted.");
  },
};

async function examineSettings(env: Environment, cancel: AbortSignal): Promise<Finding[]> {
  const config = loadDoctorConfig(env);
  const deadlines = deadlinesOf(config);
  const log = createLog({ level: "silent" });
  const own = config.API_URL ? undefined : ownApi(env, log);
  try {
    return await examine(
      {
        config,
        deadlines,
        service: serviceClient(config, { timeoutMs: deadlines.callMs }),
        collections: allCollections,
        tables: tableCollections,
        migrations: await readMigrations(),
        api: config.API_URL ? at(config.API_URL, deadlines.callMs) : own,
        fetch: (input, init) => fetch(input, { signal: AbortSignal.timeout(deadlines.callMs), ...init }),
        log,
      },
      { deadlineMs: CALLS * deadlines.callMs, cancel },
    );
  } finally {
    await own?.close();
  }
}

/**
 * A deployment brings migrations, validators and indexes: that they are missing is no reason against it, nor is what could not be
 * looked at without them.
 */
function withoutWhatIsBrought(found: readonly Finding[]): Finding[] {
  const brought = new Set<string>();
  return found.flatMap((finding): Finding[] => {
    const [, ground = ""] = /^because "(.+)" failed$/.exec(finding.says) ?? [];
    const isBrought =
      (finding.state === "failure" && /: (migrations|validators and indexes)$/.test(finding.name)) ||
      (finding.state === "skipped" && brought.has(ground));
    if (!isBrought) return [finding];
    brought.add(finding.name);
    if (finding.state === "skipped") return [];
    return [{ ...finding, state: "warning", fix: `The deployment brings it. Otherwise: ${finding.fix ?? ""}` }];
  });
}

const at = (url: string, timeoutMs: number): AskedApi => ({
  where: url,
  ask: (path, init) => fetch(`${url}${path}`, { signal: AbortSignal.timeout(timeoutMs), ...init }),
});

/** Ctrl-C begins no further check, and has what was made deleted before it ends. */
async function interruptibly<T>(work: (cancel: AbortSignal) => Promise<T>): Promise<T> {
  const cancelling = new AbortController();
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const cancel = () => cancelling.abort();
  for (const signal of signals) process.on(signal, cancel);
  try {
    return await work(cancelling.signal);
  } finally {
    for (const signal of signals) process.off(signal, cancel);
  }
}

const MARKS = { pass: "ok", warning: "WARNING", failure: "FAILED", skipped: "skipped" } as const;

function inWords(found: readonly Finding[]): string {
  const rows = found.map(({ name, state, says, ms }) => [MARKS[state], name, `${ms} ms`, says]);
  const fixes = found.flatMap(({ name, fix }) => (fix === undefined ? [] : [`${name}\n  ${fix}`]));
  const all = table(["", "check", "took", "found"], rows);
  return fixes.length === 0 ? `${all}\n\nEverything passed.` : `${all}\n\nWhat to do:\n${fixes.join("\n")}`;
}
