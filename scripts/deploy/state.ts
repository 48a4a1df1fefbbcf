/** How far a deployment has come: a file for each environment, written before and after each stage. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { Refused } from "../commands/command.ts";
import { writeWhole } from "../whole-file.ts";
import { ENVIRONMENTS, type EnvironmentName } from "./environments.ts";

const stageSchema = z.object({
  /** "running" in the file of a process that is no more: it was killed there */
  state: z.enum(["running", "done", "failed"]),
  tries: z.int(),
  begun_at: z.string(),
  ms: z.number().nullable(),
  says: z.string().nullable(),
});

const stateSchema = z.object({
  /** of this deployment; the deployed application carries it, so that anybody can see whether it is the one that answers */
  id: z.string(),
  environment: z.enum(ENVIRONMENTS),
  revision: z.string(),
  begun_at: z.string(),
  /** what it was asked for with */
  asked: z.object({ contract: z.boolean(), without_backup: z.string().nullable() }),
  stages: z.record(z.string(), stageSchema),
  /** where the new version is, before anybody is led there */
  url: z.string().nullable(),
  /** what answered before it */
  previous: z.string().nullable(),
  /** milliseconds, the median of what answered before it */
  baseline_ms: z.number().nullable(),
  outcome: z.enum(["under way", "done", "rolling back", "rolled back"]),
  why: z.string().nullable(),
});
export type DeployState = z.infer<typeof stateSchema>;

const fileIn = (folder: string, environment: EnvironmentName) => join(folder, `${environment}.json`);

/** The last deployment of the environment; undefined when there was none. Throws `Refused` when the file is damaged. */
export async function readState(folder: string, environment: EnvironmentName): Promise<DeployState | undefined> {
  const file = fileIn(folder, environment);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    throw new Refused(`${file} is not a deployment's state. Look at it, and move it away to begin anew.`);
  }
}

export const writeState = (folder: string, state: DeployState): Promise<void> =>
  writeWhole(fileIn(folder, state.environment), `${JSON.stringify(state, null, 2)}\n`);
