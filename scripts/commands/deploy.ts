/** `switchyard deploy`, `deploy status`, `deploy rollback`: a new version, stage by stage; stages are in scripts/deploy/. */
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { createCli } from "../deploy/cli.ts";
import { type EnvironmentName, environmentNamed, environmentOf } from "../deploy/environments.ts";
import { inSeconds, newState, runDeployment, type Setting, stagesOf, undo } from "../deploy/run.ts";
import { redactor, refuseForeignSecrets, rememberSecrets } from "../deploy/secrets.ts";
import type { Deployment, Options } from "../deploy/stage.ts";
import { type DeployState, readState, writeState } from "../deploy/state.ts";
import { limitsInWords } from "../deploy/watch.ts";
import { holderOf, takeLock } from "../dev/folder-lock.ts";
import { type Command, type Given, type Io, Refused, table, WrongUse } from "./command.ts";

const ENVIRONMENT = { environment: { type: "string" } } as const;
const STEP = { "step-timeout": { type: "string" } } as const;

/** Where deployments are remembered: beside the project, and in no commit. */
const folderIn = (root: string) => join(root, ".deploy");

export const deploy: Command = {
  name: "deploy",
  usage:
    "[--environment=preview|staging|production] [--watch=10m] [--contract] [--without-backup=<reason>] [--step-timeout=20m] [--resume|--restart] [--dry-run]",
  about:
    "Deploys in stages, and goes on where it was killed; leads traffic back by itself when the new version is not good.",
  options: {
    ...{ ...ENVIRONMENT, ...STEP, watch: { type: "string" }, contract: { type: "boolean" } },
    ...{ "without-backup": { type: "string" }, resume: { type: "boolean" }, restart: { type: "boolean" } },
    "dry-run": { type: "boolean" },
  },
  positionals: 0,
  io: ofEnvironment,
  async run({ values }, io) {
    const environment = environmentNamed(values.environment);
    if (values.resume && values.restart) throw new WrongUse("Either --resume or --restart.");
    const options = optionsIn(values);
    const setting = settingOf(environment, io, options);
    await refuseCommitted(setting.root);
    const known = await refuseForeignSecrets(setting, environment, io.env);
    if (known === "nothing known")
      io.out("Nothing is known here of production's secrets, so this environment's were not compared with them.");
    const revision = await revisionIn(setting.root, environment);
    if (values["dry-run"]) return planInWords(setting, io.out);
    await locked(setting.folder, environment, async () => {
      const state = await stateToGoOnFrom(setting, revision, options, values);
      await rememberSecrets(setting.folder, environment, io.env);
      io.out(`Deploying ${revision} to ${environment}.`);
      const begun = performance.now();
      const ended = await runDeployment(setting, state);
      io.out(timesOf(ended));
      io.out(
        `Done in ${inSeconds(performance.now() - begun)}: ${io.env.API_URL && environment !== "preview" ? io.env.API_URL : ended.url}`,
      );
    });
  },
};

export const deployStatus: Command = {
  name: "deploy status",
  usage: "[--environment=<name>]",
  about: "How far the last deployment has come, and how long each stage took.",
  options: ENVIRONMENT,
  positionals: 0,
  async run({ values }, { out }) {
    const environment = environmentNamed(values.environment);
    const folder = folderIn(process.cwd());
    const state = await readState(folder, environment);
    if (!state) return out(`Nothing was deployed to ${environment} from here.`);
    const holder = await holderOf(lockIn(folder, environment));
    const now =
      state.outcome !== "under way"
        ? state.outcome
        : holder
          ? `under way, process ${holder}`
          : "not finished, and nobody is at it";
    out(`${state.revision} to ${environment}, begun ${state.begun_at}: ${now}${state.why ? ` (${state.why})` : ""}`);
    out(timesOf(state));
    if (state.url) out(`The new version: ${state.url}`);
    if (state.previous) out(`The one before: ${state.previous}`);
  },
};

export const deployRollback: Command = {
  name: "deploy rollback",
  usage: "[--environment=<name>] [--reason=<why>]",
  about: "Leads traffic back to what answered before the last deployment from here.",
  options: { ...ENVIRONMENT, ...STEP, reason: { type: "string" } },
  positionals: 0,
  io: ofEnvironment,
  async run({ values }, io) {
    const environment = environmentNamed(values.environment);
    const setting = settingOf(environment, io, optionsIn(values));
    await locked(setting.folder, environment, async () => {
      const state = await readState(setting.folder, environment);
      if (!state?.stages.promote)
        throw new Refused(`Nothing was promoted in ${environment} from here: there is nothing to lead back.`);
      const deployment: Deployment = {
        ...{ ...setting, state },
        note: async (found) => {
          deployment.state = { ...deployment.state, ...found };
          await writeState(setting.folder, deployment.state);
        },
      };
      await undo(deployment, typeof values.reason === "string" ? values.reason : "an operator asked for it").catch(
        (error) => {
          if (deployment.state.outcome !== "rolled back") throw error;
          io.out((error as Error).message);
        },
      );
    });
  },
};

/** What it works on is the named environment, not what the shell happens to have. */
async function ofEnvironment({ values }: Given, io: Io): Promise<Io> {
  return { ...io, env: await environmentOf(process.cwd(), environmentNamed(values.environment), io.env) };
}

function settingOf(environment: EnvironmentName, io: Io, options: Options): Setting {
  const root = process.cwd();
  const redact = redactor(io.env);
  const say = (line: string) => io.out(redact(line));
  const call = io.call;
  if (!call) throw new Refused("Deployments call other commands, and none can be called here.");
  return {
    ...{ root, folder: folderIn(root), environment, env: io.env, options, say },
    cli: createCli({ root, env: io.env, stepMs: options.stepMs, onLine: (line) => io.out(`  | ${line}`), redact }),
    command: (words) => call(words, io.env),
    isInterrupted: io.isInterrupted ?? (() => false),
  };
}

function optionsIn(values: Given["values"]): Options {
  const reason = values["without-backup"];
  if (reason !== undefined && String(reason).trim() === "")
    throw new WrongUse("--without-backup=<reason> needs a reason: it stands in the audit.");
  return {
    contract: values.contract === true,
    withoutBackup: typeof reason === "string" ? reason.trim() : null,
    watchMs: durationIn("watch", values.watch ?? "10m"),
    stepMs: durationIn("step-timeout", values["step-timeout"] ?? "20m"),
  };
}

function durationIn(name: string, value: unknown): number {
  const [, amount, unit] = /^(\d{1,4})(s|m|h)$/.exec(String(value)) ?? [];
  if (!amount || Number(amount) === 0) throw new WrongUse(`--${name} is a time such as 30s, 10m or 1h.`);
  return Number(amount) * { s: 1_000, m: 60_000, h: 3_600_000 }[unit as "s" | "m" | "h"];
}

/** Throws `Refused` where a file with secrets is in a commit. */
async function refuseCommitted(root: string): Promise<void> {
  const tracked = (await git(root, ["ls-files", "--", ".env*"]))
    .split("\n")
    .filter((name) => name && name !== ".env.example");
  if (tracked.length > 0)
    throw new Refused(
      `Files with secrets are committed: ${tracked.join(", ")}. Take them out (git rm --cached), and change those secrets.`,
    );
}

/** What is deployed is a commit, so that it can be deployed again; a preview may be anything. */
async function revisionIn(root: string, environment: EnvironmentName): Promise<string> {
  const revision = (await git(root, ["rev-parse", "HEAD"])).trim();
  if ((await git(root, ["status", "--porcelain"])).trim() === "") return revision;
  if (environment === "preview") return `${revision}+changes`;
  throw new Refused("There are changes that are not committed: what is deployed has to be a commit. See git status.");
}

async function git(cwd: string, words: string[]): Promise<string> {
  try {
    return (await promisify(execFile)("git", words, { cwd })).stdout;
  } catch (error) {
    throw new Refused(`git ${words[0]} failed: ${(error as Error).message}`);
  }
}

const lockIn = (folder: string, environment: EnvironmentName) => join(folder, `${environment}.lock`);

/** One deployment of an environment at a time, of all processes here; a dead one's lock is taken over. */
async function locked(folder: string, environment: EnvironmentName, work: () => Promise<void>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const release = await takeLock(lockIn(folder, environment));
  if (typeof release === "number")
    throw new Refused(`Process ${release} deploys to ${environment} now. See: switchyard deploy status`);
  try {
    await work();
  } finally {
    await release();
  }
}

async function stateToGoOnFrom(
  { folder, environment, say }: Setting,
  revision: string,
  options: Options,
  { resume, restart }: Given["values"],
): Promise<DeployState> {
  const last = await readState(folder, environment);
  const isOpen = last !== undefined && (last.outcome === "under way" || last.outcome === "rolling back");
  if (last?.outcome === "rolling back") {
    say("The last deployment was being rolled back: that is finished first.");
    return last;
  }
  if (isOpen && !restart) {
    if (last.revision !== revision)
      throw new Refused(
        `The deployment of ${last.revision} is not finished, and this is ${revision}. Check that one out to go on with it, or begin anew: --restart`,
      );
    const { contract, withoutBackup } = options;
    say("Going on with the deployment that was not finished.");
    return { ...last, asked: { contract, without_backup: withoutBackup } };
  }
  if (resume)
    throw new Refused(
      `Nothing is to be resumed in ${environment}: ${last ? `the last deployment is ${last.outcome}` : "nothing was deployed"}.`,
    );
  // who answers after a promotion that was not finished is not the version to go back to
  const fresh = newState(environment, revision, options);
  return isOpen && last.stages.promote ? { ...fresh, previous: last.previous } : fresh;
}

function planInWords({ environment, env, options }: Setting, out: (line: string) => void): void {
  out(
    table(
      ["", "stage", "what"],
      stagesOf(environment).map(({ name, about }, at) => [
        ...[
          String(at + 1),
          name,
          name === "backup" && options.withoutBackup ? `none, because: ${options.withoutBackup}` : about,
        ],
      ]),
    ),
  );
  if (environment === "preview") return;
  out(
    `\nThen ${env.API_URL ?? "(API_URL is not set)"} is watched for ${options.watchMs / 60_000} min. Traffic goes back after: ${limitsInWords}.`,
  );
  out("Nothing was changed.");
}

const timesOf = ({ stages, environment }: DeployState) =>
  table(
    ["stage", "", "took", "tries", ""],
    stagesOf(environment).map(({ name }) => {
      const found = stages[name];
      if (!found) return [name, "not yet", "", "", ""];
      return [name, found.state, found.ms === null ? "" : inSeconds(found.ms), String(found.tries), found.says ?? ""];
    }),
  );
