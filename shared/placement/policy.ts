/** By what new users' homes are chosen: `supabase/migrations/*_placement_policy.sql` says what each means. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";

export const POLICIES = ["count", "size", "load", "latency"] as const;
export type PlacementPolicy = (typeof POLICIES)[number];

export interface Placement {
  policy: PlacementPolicy;
  /** what decides now: count, where a measure is missing or too old */
  used: PlacementPolicy;
  /** databases that can be chosen, and of which it is missing */
  unmeasured: string[];
  /** that take new users: the smaller its measure, the sooner it is chosen */
  databases: { name: string; down: boolean; measure: number | null; measured_at: string | null }[];
}

type Answer<T> = Promise<Result<T, RepositoryError>>;

/** `client`: with the secret key. Every call may answer `unavailable` or `busy`. */
export const createPlacementPolicy = (client: SupabaseClient) => ({
  get: (): Answer<Placement> => callSystem(client, "switchyard_placement"),
  set: async (policy: PlacementPolicy): Answer<void> =>
    (await callSystem(client, "switchyard_set_placement_policy", { p_policy: policy })).map(() => undefined),
});
