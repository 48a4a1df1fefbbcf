/** Data migrations as the control plane keeps them: `supabase/migrations/*_data_migrations.sql`. */
import type { SupabaseClient } from "@supabase/supabase-js";
import type { Result } from "neverthrow";
import type { RepositoryError } from "../contract/errors.ts";
import { callSystem } from "../postgres/system-call.ts";
import type { Direction } from "./change.ts";
import type { Progress } from "./progress.ts";

export interface ListedMigration {
  name: string;
  state: "running" | "done" | "reverting" | "reverted";
  checksum: string;
  holder: string | null;
  /** a run is at it, or has ended without saying so a moment ago */
  is_held: boolean;
  progress: Partial<Progress>;
  began_at: string;
  ended_at: string | null;
  last_error: string | null;
}

/** A migration with its lease: `attempts` is the number of the claim. */
export interface Claim {
  name: string;
  attempts: number;
}

export interface Claimed extends Claim {
  progress: Partial<Progress>;
}

type Answer<T> = Promise<Result<T, RepositoryError>>;
export type DataMigrationsControl = ReturnType<typeof createDataMigrationsControl>;

/** `client`: with the secret key. Every call may answer `unavailable` or `busy`. */
export function createDataMigrationsControl(client: SupabaseClient) {
  return {
    list: (): Answer<ListedMigration[]> => callSystem(client, "switchyard_data_migrations_list"),
    /** `invalid_input`: another run is under way, or there is nothing to do; in words. */
    claim: async (
      { name, checksum }: { name: string; checksum: string },
      direction: Direction,
      holder: string,
      leaseSeconds: number,
    ): Answer<Claimed> => {
      const asked = { p_name: name, p_checksum: checksum, p_direction: direction, p_holder: holder };
      const claimed = await callSystem<Omit<Claimed, "name">>(client, "switchyard_data_migrations_claim", {
        ...asked,
        p_lease_seconds: leaseSeconds,
      });
      return claimed.map((answer) => ({ name, ...answer }));
    },
    /** False: the lease is lost. */
    keep: ({ name, attempts }: Claim, leaseSeconds: number): Answer<boolean> =>
      callSystem(client, "switchyard_data_migrations_keep", {
        ...{ p_name: name, p_attempts: attempts, p_lease_seconds: leaseSeconds },
      }),
    /** As `keep`, and writes down how far it has come. */
    record: ({ name, attempts }: Claim, leaseSeconds: number, progress: Progress): Answer<boolean> =>
      callSystem(client, "switchyard_data_migrations_record", {
        ...{ p_name: name, p_attempts: attempts, p_lease_seconds: leaseSeconds, p_progress: progress },
      }),
    /** Gives the lease back. False: it was lost, and nothing is changed. */
    finish: ({ name, attempts }: Claim, isThrough: boolean, error?: string): Answer<boolean> =>
      callSystem(client, "switchyard_data_migrations_finish", {
        ...{ p_name: name, p_attempts: attempts, p_is_through: isThrough, p_error: error ?? null },
      }),
    /** How many moves of users were ever switched. */
    switched: (): Answer<number> => callSystem(client, "switchyard_data_migrations_switched"),
  };
}
