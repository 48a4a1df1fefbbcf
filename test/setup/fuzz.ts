/** What a run of the fuzzer reads from the environment. */
import { type DevConfig, loadDevConfig, processEnvironment } from "../../shared/config.ts";
import { partOf } from "./effort.ts";

const REQUESTS = 10_000;
const LEAST = 500;

export interface FuzzSettings {
  /** for both users together */
  readonly requests: number;
  /** repeats a run */
  readonly seed: number;
  /** an installed `schemathesis`; else one is installed below node_modules */
  readonly program: string | undefined;
  /** real servers, where they are given */
  readonly databases: Pick<DevConfig, "SUPABASE_DB_URL" | "SUPABASE_ADMIN_DB_URL" | "MONGODB_URI">;
}

export function fuzzSettings(): FuzzSettings {
  const { SWITCHYARD_FUZZ, SWITCHYARD_SEED, SCHEMATHESIS } = process.env;
  return {
    requests: Number(SWITCHYARD_FUZZ) || partOf(REQUESTS, LEAST),
    seed: Number(SWITCHYARD_SEED) || Math.floor(Math.random() * 1_000_000),
    program: SCHEMATHESIS || undefined,
    databases: loadDevConfig(processEnvironment()),
  };
}
