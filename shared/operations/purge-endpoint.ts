/** The edge function `purge` without its environment. */
import type { SupabaseClient } from "@supabase/supabase-js";
import { carriesSecretKey } from "../http/secret-key.ts";
import type { Log } from "../log.ts";
import { type PurgedDatabase, runPurges } from "../placement/purge.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Database } from "../repository/database.ts";

type SweptDatabase = PurgedDatabase & { system: Pick<Database["system"], "sweep"> };

export interface PurgeEndpointOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
  /** a supabase-js client of the control plane with the secret key */
  control: SupabaseClient;
  /** every database that is configured here; tasks of others are put off */
  databases: readonly SweptDatabase[];
  maxTokenLifetimeSeconds: number;
  clock: () => number;
  log: Log;
}

const SWEEP_MS = 3_600_000;

export function createPurgeEndpoint(options: PurgeEndpointOptions): (request: Request) => Promise<Response> {
  const { keys, control, databases, maxTokenLifetimeSeconds, clock, log } = options;
  let isLifetimeKnown = false;

  let sweptAt = Number.NEGATIVE_INFINITY;
  /** What has expired goes once in a while; a database that is away is swept the next time. */
  const sweep = async () => {
    if (clock() - sweptAt < SWEEP_MS) return;
    sweptAt = clock();
    const sweeps = databases.map(({ name, system }) =>
      system.sweep().catch((error) => log.warn("sweep_failed", { database: name, error })),
    );
    await Promise.all(sweeps);
  };

  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, keys))) return answer(401, { message: "The secret key is needed." });
    if (!isLifetimeKnown) {
      const told = await callSystem(control, "switchyard_set_token_lifetime", { p_seconds: maxTokenLifetimeSeconds });
      isLifetimeKnown = told.isOk();
    }
    const report = await runPurges({ control, databases, clock, log });
    if (report.isErr()) return answer(503, { message: report.error.message });
    await sweep();
    return answer(200, { ...report.value });
  };
}

const answer = (status: number, body: Record<string, unknown>) => Response.json(body, { status });
