/** The servers of the outage suite, and the power over them. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { inject } from "vitest";
import type { Home } from "../setup/users.ts";
import type { OutageServers } from "./setup.ts";

export const servers = (): OutageServers => inject("outage");

/** The MongoDB server with a database of that name. */
export function mongoUriFor(database: string): string {
  const url = new URL(servers().mongoUri);
  url.pathname = `/${database}`;
  return url.toString();
}

const run = promisify(execFile);

/** `start` and `resume` return once the server answers. */
export async function control(action: "kill" | "pause" | "resume" | "start", server: Home | "redis"): Promise<void> {
  await run("sh", ["-c", `${servers().serverControl} ${action} ${server}`]);
}
