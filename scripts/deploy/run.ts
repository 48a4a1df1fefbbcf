/**
 * A deployment from stage to stage. What is done is written down before the next begins: whoever is killed begins anew at the
 * first stage that is not done, and each stage may be done twice. Until "promote" nobody is led to the new version; from then
 * on, whatever shows that it is not good leads traffic back by itself.
 */
import { randomUUID } from "node:crypto";
import { Refused } from "../commands/command.ts";
import { backup, build, checks } from "./before.ts";
import type { EnvironmentName } from "./environments.ts";
import { functions, migrate, prepare } from "./migrations.ts";
import type { Deployment, Options, Stage } from "./stage.ts";
import { type DeployState, writeState } from "./state.ts";
import { back, NotGood, promote, smoke, upload, watch } from "./traffic.ts";

/** In their order: the schema is there before what needs it, and the old application runs on it meanwhile. */
const STAGES: readonly Stage[] = [checks, backup, build, migrate, prepare, functions, upload, smoke, promote, watch];

export const stagesOf = (environment: EnvironmentName): readonly Stage[] =>
  STAGES.filter(({ of }) => of.includes(environment));

export function newState(environment: EnvironmentName, revision: string, options: Options): DeployState {
  return {
    ...{ id: randomUUID(), environment, revision, begun_at: new Date().toISOString(), stages: {} },
    asked: { contract: options.contract, without_backup: options.withoutBackup },
    ...{ url: null, previous: null, baseline_ms: null, outcome: "under way", why: null },
  };
}

/** Everything that a deployment has but what it changes of its own state. */
export type Setting = Omit<Deployment, "state" | "note">;

/** Goes on from wherever the state says. Throws `Refused` when a stage fails; what was led astray is then led back. */
export async function runDeployment(setting: Setting, begun: DeployState): Promise<DeployState> {
  const deployment: Deployment = { ...setting, state: begun, note: async () => {} };
  const note = async (found: Partial<DeployState>) => {
    deployment.state = { ...deployment.state, ...found };
    await writeState(setting.folder, deployment.state);
  };
  deployment.note = note;
  await note({});
  if (deployment.state.outcome === "rolling back") return undo(deployment, deployment.state.why ?? "");
  const stages = stagesOf(setting.environment);
  for (const [at, stage] of stages.entries()) {
    const before = deployment.state.stages[stage.name];
    const title = `[${at + 1}/${stages.length}] ${stage.name}`;
    if (before?.state === "done") {
      setting.say(`${title}: done before, ${before.says}`);
      continue;
    }
    if (setting.isInterrupted()) throw new Refused("Interrupted. Run it again to go on.");
    setting.say(`${title}: ${stage.about}`);
    const first = performance.now();
    const mark = (state: "running" | "done" | "failed", says: string | null) =>
      note({
        stages: {
          ...deployment.state.stages,
          [stage.name]: {
            ...{ state, tries: (before?.tries ?? 0) + 1, begun_at: new Date().toISOString() },
            ...{ ms: state === "running" ? null : Math.round(performance.now() - first), says },
          },
        },
      });
    await mark("running", null);
    try {
      const says = await stage.run(deployment);
      await mark("done", says);
      setting.say(`${title}: done in ${inSeconds(performance.now() - first)}, ${says}`);
    } catch (error) {
      await mark("failed", (error as Error).message);
      setting.say(`${title}: FAILED after ${inSeconds(performance.now() - first)}`);
      if (!(error instanceof NotGood)) throw error;
      return undo(deployment, error.message);
    }
  }
  await note({ outcome: "done" });
  return deployment.state;
}

/** Back to what answered before. Written down first: whoever is killed here goes on leading back. */
export async function undo(deployment: Deployment, why: string): Promise<never> {
  await deployment.note({ outcome: "rolling back", why });
  deployment.say(`Rolling back: ${why}`);
  const previous = await back(deployment);
  await deployment.note({ outcome: "rolled back" });
  throw new Refused(
    `Rolled back to ${previous}, because ${why}. The schema and the edge functions are those of the new version, which the old one runs with.`,
  );
}

export const inSeconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;
