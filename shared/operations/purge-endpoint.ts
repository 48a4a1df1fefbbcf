/** The edge function `purge` without its environment. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Db } from "mongodb";
import type { Collection } from "../definition/define.ts";
import { carriesSecretKey } from "../http/secret-key.ts";
import type { Log } from "../log.ts";
import { runPurges } from "../placement/purge.ts";
import { callSystem } from "../postgres/system-call.ts";

export interface PurgeEndpointOptions {
  /** the project's secret keys, of which a caller must have one */
  keys: readonly string[];
  supabase: SupabaseClient;
  mongo: (() => Promise<Db>) | undefined;
  collections: readonly Collection[];
  maxTokenLifetimeSeconds: number;
  clock: () => number;
  log: Log;
}

export function createPurgeEndpoint(options: PurgeEndpointOptions): (request: Request) => Promise<Response> {
  const { keys, supabase, mongo, collections, maxTokenLifetimeSeconds, clock, log } = options;
  let isLifetimeKnown = false;

  return async (request) => {
    if (request.method !== "POST") return answer(405, { message: "Only POST is answered here." });
    if (!(await carriesSecretKey(request, keys))) return answer(401, { message: "The secret key is needed." });
    if (!isLifetimeKnown) {
      const told = await callSystem(supabase, "switchyard_set_token_lifetime", { p_seconds: maxTokenLifetimeSeconds });
      isLifetimeKnown = told.isOk();
    }
    const report = await runPurges({ supabase, mongo, collections: collections.map(({ name }) => name), clock, log });
    if (report.isErr()) return answer(503, { message: report.error.message });
    return answer(200, { ...report.value });
  };
}

const answer = (status: number, body: Record<string, unknown>) => Response.json(body, { status });
