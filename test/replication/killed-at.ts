/** Has a process of its own do something with both sides, which is killed (SIGKILL) at one of its steps. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Replication } from "./system.ts";

/** The signal that it ended by: null for one that came to its end. */
export const killedAt = (
  { supabase, replicaUri }: Replication,
  what: "worker" | "collector" | "backfill" | "repair" | "repair back" | "restore" | "promote" | "demote",
  step: string,
): Promise<string | null> =>
  new Promise((resolve, reject) => {
    const program = fileURLToPath(new URL("killed-worker.ts", import.meta.url));
    const { url, secretKey } = supabase;
    const child = spawn(process.execPath, [program, what, step, url, secretKey, replicaUri], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.on("error", reject);
    child.on("exit", (_, signal) => resolve(signal));
  });
