/** How the command line finds the system that runs here: written by `npm start`, gone when that stops. */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeWhole } from "../whole-file.ts";

const FILE = "development.json";

const schema = z.object({
  url: z.url(),
  publishableKey: z.string(),
  secretKey: z.string(),
  /** its homes beside Supabase's own, and the direct way there, as variables */
  databases: z.record(z.string(), z.string()),
  /** the deadlines that this machine needs, as variables */
  deadlines: z.record(z.string(), z.string()),
  /** what else it was started with, as variables: where its API is, what that shares with others */
  settings: z.record(z.string(), z.string()).optional(),
});

export type Development = z.infer<typeof schema>;

/** Writes it for this user's eyes only; resolves with what takes it away again. */
export async function writeDevelopment(folder: string, about: Development): Promise<() => Promise<void>> {
  const file = join(folder, FILE);
  await writeWhole(file, `${JSON.stringify(schema.parse(about), null, 2)}\n`);
  return () => rm(file, { force: true });
}

/** The system that was last started on this folder and not stopped. */
export async function readDevelopment(folder: string): Promise<Development | undefined> {
  const text = await readFile(join(folder, FILE), "utf8").catch(() => undefined);
  // one that an earlier version has left is of a system that does not run any more
  return text === undefined ? undefined : schema.safeParse(JSON.parse(text)).data;
}
